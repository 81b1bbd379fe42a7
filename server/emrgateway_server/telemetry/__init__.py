"""OpenTelemetry: logs, spans and metrics, each of which holds nothing that AWS's model marks sensitive."""

from emrgateway_server.telemetry.jobended import job_ended
from emrgateway_server.telemetry.jobtrace import job_context, job_settings
from emrgateway_server.telemetry.logs import configure_logging, log_bug
from emrgateway_server.telemetry.metrics import (
    count_call,
    count_lookup,
    count_outcomes,
    count_unauthenticated,
    observe,
)
from emrgateway_server.telemetry.spans import (
    Try,
    aws_try,
    caller_context,
    current_ids,
    end_server_span,
    note_caller,
    note_decision,
    note_error,
    policy_span,
    server_span,
    throttle_wait,
)
from emrgateway_server.telemetry.tracing import configure_metrics, configure_tracing, stop

__all__ = [
    "Try",
    "aws_try",
    "caller_context",
    "configure_logging",
    "configure_metrics",
    "configure_tracing",
    "count_call",
    "count_lookup",
    "count_outcomes",
    "count_unauthenticated",
    "current_ids",
    "end_server_span",
    "job_context",
    "job_ended",
    "job_settings",
    "log_bug",
    "note_caller",
    "note_decision",
    "note_error",
    "observe",
    "policy_span",
    "server_span",
    "stop",
    "throttle_wait",
]
