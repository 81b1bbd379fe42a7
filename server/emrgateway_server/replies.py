"""What a caller is told of a StartJobRun: the run, what policy made of the request, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emrgateway.v1 import decision_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import judging, shapes, translate
from emrgateway_server.errors import PolicyViolation
from emrgateway_server.policy import Decision, Mode

_STARTED = shapes.response_shape("StartJobRun")


def started(reply: Mapping[str, Any], decision: Decision | None) -> pb.StartJobRunResponse:
    """A job run that is there, and the decision where it is known."""
    message = translate.from_aws(translate.sayable(reply, _STARTED), pb.StartJobRunResponse, _STARTED)
    if decision is not None:
        message.decision.CopyFrom(_described(decision))
    return message


def validated(decision: Decision) -> pb.StartJobRunResponse:
    """A dry run's: the decision, and what would have been sent."""
    return pb.StartJobRunResponse(
        application_id=str(decision.request["applicationId"]),
        decision=_described(decision),
        effective_request=judging.effective_request(decision),
    )


def refused(decision: Decision) -> PolicyViolation:
    """Policy's refusal, every violation in it."""
    violations = decision.violations
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return PolicyViolation(
        f"policy refuses the request: {first.rule}: {first.field} {first.description}{more}",
        violations=violations,
        metadata={"policy_digest": decision.policy_digest},
    )


def _described(decision: Decision) -> decision_pb2.Decision:
    """The decision as the caller is told it: rules in audit mode are not for the caller."""
    return decision_pb2.Decision(
        policy_digest=decision.policy_digest,
        outcomes=[judging.described(outcome) for outcome in decision.outcomes if outcome.mode is not Mode.AUDIT],
    )
