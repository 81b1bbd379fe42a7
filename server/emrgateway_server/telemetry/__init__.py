"""OpenTelemetry: logs, spans and metrics, each of which holds nothing that AWS's model marks sensitive."""

from emrgateway_server.telemetry.logs import configure_logging, log_bug
from emrgateway_server.telemetry.metrics import count_outcomes
from emrgateway_server.telemetry.spans import (
    aws_span,
    caller_context,
    current_ids,
    end_server_span,
    note_aws_fault,
    note_aws_reply,
    note_caller,
    note_decision,
    note_error,
    policy_span,
    server_span,
)
from emrgateway_server.telemetry.tracing import configure_tracing, stop

__all__ = [
    "aws_span",
    "caller_context",
    "configure_logging",
    "configure_tracing",
    "count_outcomes",
    "current_ids",
    "end_server_span",
    "log_bug",
    "note_aws_fault",
    "note_aws_reply",
    "note_caller",
    "note_decision",
    "note_error",
    "policy_span",
    "server_span",
    "stop",
]
