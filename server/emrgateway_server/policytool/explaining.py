"""`policy explain`: what policy makes of one request, and why."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from google.protobuf import json_format

from emrgateway_client.documents import DocumentError
from emrgateway_server import judging, settings
from emrgateway_server.errors import InvalidRequest
from emrgateway_server.policy import Decision
from emrgateway_server.policytool import inputs, rendering
from emrgateway_server.policytool.arguments import DIFFERENT, DONE, USAGE
from emrgateway_server.policytool.terminal import Paint, complain, printable, say


def run(arguments: argparse.Namespace) -> int:
    """Explain one request; the exit code."""
    config = inputs.configuration(arguments)
    engine = inputs.engine(arguments.directory, config)
    caller = inputs.caller(arguments, config)
    try:
        original = inputs.original(inputs.request(arguments.file))
    except DocumentError as error:
        return _refused(arguments, "UNREADABLE", str(error), [(each.path, each.message) for each in error.problems])
    except InvalidRequest as error:
        violations = [(each.field, each.description) for each in error.violations]
        lines = [f"{arguments.file}: error: {field}: {description}" for field, description in violations]
        return _refused(arguments, error.reason, "\n".join(lines), violations)
    traces_job = config is None or config.telemetry.job_traceparent
    decision = inputs.judge(engine, caller, original, arguments.today, traces_job=traces_job)
    if arguments.output == "json":
        say(json.dumps(_as_json(decision), indent=2))
    else:
        say(rendering.explained(decision, caller, original, Paint(sys.stdout, settings.environment())))
    return DONE if decision.allowed else DIFFERENT


def _as_json(decision: Decision) -> dict[str, object]:
    """The decision in the contract's own JSON; maps in the order of their keys, so that two of them can be compared."""
    effective = json_format.MessageToJson(judging.effective_request(decision), sort_keys=True)
    return {
        "verdict": "ALLOWED" if decision.allowed else "DENIED",
        "policy_digest": decision.policy_digest,
        "outcomes": [json_format.MessageToDict(judging.described(outcome)) for outcome in decision.outcomes],
        "effective_request": json.loads(effective),
    }


def _refused(arguments: argparse.Namespace, reason: str, message: str, violations: Sequence[tuple[str, str]]) -> int:
    """A request that cannot be judged, told as `job start` tells it."""
    if arguments.output == "json":
        told = [{"field": field, "description": description, "rule": ""} for field, description in violations]
        complain(
            json.dumps({"code": "INVALID_ARGUMENT", "reason": reason, "message": message, "violations": told}, indent=2)
        )
    else:
        complain(printable(message))
    return USAGE
