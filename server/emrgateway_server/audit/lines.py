"""The audit's lines: JSON objects in the names of OPA's decision log, as `policytool.decisionlog` reads them.

A judgement's line is written before AWS is called, an ending's when the call has its answer; `decision_id` says that
they are about one call. What rules judge is a StartJobRun; of a CancelJobRun and a GetDashboardForJobRun the line says
that a grant covers them. `deploy/audit.schema.json` describes both.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emrgateway_server import judging, telemetry
from emrgateway_server.audit.erasing import erased
from emrgateway_server.caller import Caller
from emrgateway_server.errors import GatewayError
from emrgateway_server.errors import Outcome as Ending
from emrgateway_server.policy import Decision, Mode, Outcome
from emrgateway_server.record import Record
from emrgateway_server.shapes import Shape

_LABELS = {"id": platform.node()}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def judgement(record: Record, caller: Caller, request: Mapping[str, object], decision: Decision) -> bytes:
    """What policy made of a request in AWS's form, and why; less what AWS's model marks sensitive.

    The client token stays out too: it is what keeps the digest of the request, which the run's tags show, from being
    guessed.
    """
    asked = {member: value for member, value in request.items() if member != "clientToken"}
    result: dict[str, object] = {
        "verdict": "ALLOWED" if decision.allowed else "DENIED",
        "policy_digest": decision.policy_digest,
        "outcomes": [_outcome(outcome) for outcome in decision.outcomes],
    }
    if decision.excepted:
        result["excepted"] = list(decision.excepted)
    return _before_aws(record, caller, asked, judging.START, result)


def grant(record: Record, caller: Caller, request: Mapping[str, object], shape: Shape, policy_digest: str) -> bytes:
    """That a grant covers what AWS is asked next to do with a job run: a judgement without rules."""
    result = {"verdict": "ALLOWED", "policy_digest": policy_digest, "outcomes": []}
    return _before_aws(record, caller, request, shape, result)


def ending(record: Record, code: str, requested_by: str, *, starts: bool, kept_back: int = 0) -> bytes:
    """How a call was answered. `starts` says that it could start a job: then a failure has an outcome.

    `kept_back` tells of so many endings of unknown callers that came before it and are not written.
    """
    asked: dict[str, object] = {"caller": {"id": record.caller_id}} if record.caller_id else {}
    for key in ("application_id", "job_run_id"):
        if value := getattr(record, key):
            asked[key] = value
    result: dict[str, object] = {"code": code}
    if record.error is not None:
        result |= _failure(record.error, starts=starts)
    elif code == "CANCELLED" and starts:
        result["outcome"] = str(Ending.UNKNOWN)  # nobody waits for what the thread may still do
    elif record.was_recalled:
        result["recalled"] = True
    line: dict[str, object] = {
        **_head(record),
        "requested_by": requested_by,
        "input": asked,
        "result": result,
        "metrics": {"timer_server_handler_ns": round(record.seconds * 1e9)},
    }
    if kept_back:
        line["kept_back"] = kept_back
    return _line(line)


def original(record: Record, request: Mapping[str, object]) -> bytes:
    """A request as it came, for the file beside the audit."""
    return _line({"decision_id": record.decision_id, "request": request})


def _before_aws(
    record: Record, caller: Caller, request: Mapping[str, object], shape: Shape, result: Mapping[str, object]
) -> bytes:
    told, pointers = erased(request, shape, "/input/request")
    line = {
        **_head(record),
        "input": {"caller": {"id": caller.id, "labels": dict(caller.labels)}, "request": told},
        "erased": pointers,
        "result": result,
    }
    return _line(line)


def _head(record: Record) -> dict[str, object]:
    trace_id, span_id = telemetry.current_ids()
    head: dict[str, object] = {
        "decision_id": record.decision_id,
        "timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "labels": _LABELS,
        "path": record.path,
    }
    if record.only_validates:
        head["validate_only"] = True
    if trace_id:
        head |= {"trace_id": trace_id, "span_id": span_id}
    return head


def _outcome(outcome: Outcome) -> dict[str, str]:
    """Proto JSON of RuleOutcome, and the rule's mode where it is not enforced."""
    told = {
        "ruleId": outcome.rule_id,
        "verdict": f"VERDICT_{outcome.verdict.name}",
        "field": outcome.field,
        "message": outcome.message,
        "before": outcome.before,
        "after": outcome.after,
        "mode": "" if outcome.mode is Mode.ENFORCE else outcome.mode.value,
    }
    return {key: value for key, value in told.items() if value}


def _failure(error: GatewayError, *, starts: bool) -> dict[str, object]:
    told: dict[str, object] = {"reason": error.reason, "message": error.message}
    if starts:
        told["outcome"] = str(error.metadata.get("outcome", error.outcome))
    if error.violations:
        told["violations"] = [
            {"field": each.field, "description": each.description, **({"rule": each.rule} if each.rule else {})}
            for each in error.violations
        ]
    return told


def _line(value: Mapping[str, Any]) -> bytes:
    # Lone surrogates cannot be sent as UTF-8; what holds one is escaped as a whole.
    try:
        return (_encode(value) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(value, separators=(",", ":")) + "\n").encode()
