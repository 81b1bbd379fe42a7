"""What is done with a request, step by step: identify, parse, translate, check, judge, start, reply.

The steps never call each other; this is the one place that knows their order. What is judged is what is sent: the
translated request goes through policy and to AWS, and nothing reads the caller's message again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from google.protobuf.message import Message

from emrgateway.v1 import decision_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import emr, judging, shapes, telemetry, translate
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target, Targets
from emrgateway_server.errors import NoTarget, PolicyViolation
from emrgateway_server.identity import InsecureIdentity, Labels
from emrgateway_server.policy import Decision, Mode, Verdict
from emrgateway_server.policy_source import PolicySource

_Message = TypeVar("_Message", bound=Message)

_STARTED = shapes.response_shape("StartJobRun")
_GET = shapes.request_shape("GetJobRun")
_GOT = shapes.response_shape("GetJobRun")


class JobRuns:
    """The gateway's work, blocking and thread-safe."""

    def __init__(
        self,
        *,
        identity: InsecureIdentity,
        labels: Labels,
        policies: PolicySource,
        targets: Targets,
        max_message_bytes: int,
    ) -> None:
        self._identity = identity
        self._labels = labels
        self._policies = policies
        self._targets = targets
        self._max_message_bytes = max_message_bytes

    def start(self, data: bytes, call: Call) -> pb.StartJobRunResponse:
        """A StartJobRun, from its bytes to its reply."""
        caller = self._identified()
        message, original = self._read(data, pb.StartJobRunRequest, judging.START)
        target = self._targets.of(message.application_id)
        token = _upstream_token(caller, target, original)
        decision = self._judged(caller, original, token)
        if decision.allowed:
            target = _existing(target, message.application_id)
        if message.validate_only:
            return _validated(decision)
        if not decision.allowed:
            raise _refused(decision)
        call.begin_send()
        started = _started(cast("Target", target), {**decision.request, "clientToken": token})
        reply = translate.from_aws(started, pb.StartJobRunResponse, _STARTED)
        reply.decision.CopyFrom(_described(decision))
        return reply

    def get(self, data: bytes, call: Call) -> pb.GetJobRunResponse:
        """A GetJobRun, from its bytes to its reply.

        A run is shown to those whose grants cover its owner, whom the stamped tag names. Whose it is is known before
        AWS is asked for an attempt: what AWS says of one that is not there must not tell a stranger that the run is.
        """
        caller = self._identified()
        message, request = self._read(data, pb.GetJobRunRequest, _GET)
        engine = self._policies.engine
        if not engine.has_grant("get", caller, message.application_id):
            raise emr.not_found(request)
        target = _existing(self._targets.of(message.application_id), message.application_id)
        call.begin_send()
        got = _got(target, {key: value for key, value in request.items() if key != "attempt"})
        owner_id = got["jobRun"].get("tags", {}).get(emr.CALLER_TAG)
        owner = None if owner_id is None else Caller(owner_id, self._labels.of(owner_id))
        if not engine.may_touch("get", caller, message.application_id, owner):
            raise emr.not_found(request)
        if "attempt" in request:
            got = _got(target, request)
        return translate.from_aws(got, pb.GetJobRunResponse, _GOT)

    def _identified(self) -> Caller:
        caller = self._identity.identify()
        telemetry.note_caller(caller.id)
        return caller

    def _read(
        self, data: bytes, message_class: type[_Message], shape: shapes.Shape
    ) -> tuple[_Message, dict[str, object]]:
        return judging.read(data, message_class, shape, most_bytes=self._max_message_bytes)

    def _judged(self, caller: Caller, original: Mapping[str, object], token: str) -> Decision:
        with telemetry.policy_span() as span:
            decision = judging.judge(self._policies.engine, caller, original, token)
            telemetry.note_decision(
                span,
                decision.policy_digest,
                allowed=decision.allowed,
                changed=_rules(decision, Verdict.CHANGED),
                denied=_rules(decision, Verdict.DENIED),
            )
        return decision


def _upstream_token(caller: Caller, target: Target | None, original: Mapping[str, object]) -> str:
    return emr.upstream_token(
        caller=caller.id,
        account=target.account if target else "",
        region=target.region if target else "",
        application=str(original["applicationId"]),
        client_token=str(original["clientToken"]),
    )


def _existing(target: Target | None, application_id: str) -> Target:
    if target is None:
        raise NoTarget(f"no account of this gateway's configuration serves application {application_id}")
    return target


def _started(target: Target, request: Mapping[str, object]) -> dict[str, Any]:
    with telemetry.aws_span("StartJobRun", region=target.region, target=target.name) as span:
        started = target.start_job_run(request)
        telemetry.note_aws_reply(span, _request_id(started), str(started["jobRunId"]))
    return cast("dict[str, Any]", translate.sayable(started, _STARTED))


def _got(target: Target, request: Mapping[str, object]) -> dict[str, Any]:
    with telemetry.aws_span("GetJobRun", region=target.region, target=target.name) as span:
        got = target.get_job_run(request)
        telemetry.note_aws_reply(span, _request_id(got), str(request["jobRunId"]))
    return cast("dict[str, Any]", translate.sayable(got, _GOT))


def _request_id(reply: Mapping[str, Any]) -> str:
    return str(reply.get("ResponseMetadata", {}).get("RequestId", ""))


def _refused(decision: Decision) -> PolicyViolation:
    violations = decision.violations
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return PolicyViolation(
        f"policy refuses the request: {first.rule}: {first.field} {first.description}{more}",
        violations=violations,
        metadata={"policy_digest": decision.policy_digest},
    )


def _validated(decision: Decision) -> pb.StartJobRunResponse:
    return pb.StartJobRunResponse(
        application_id=str(decision.request["applicationId"]),
        decision=_described(decision),
        effective_request=judging.effective_request(decision),
    )


def _described(decision: Decision) -> decision_pb2.Decision:
    """The decision as the caller is told it: rules in audit mode are not for the caller."""
    return decision_pb2.Decision(
        policy_digest=decision.policy_digest,
        outcomes=[judging.described(outcome) for outcome in decision.outcomes if outcome.mode is not Mode.AUDIT],
    )


def _rules(decision: Decision, verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(outcome.rule_id for outcome in decision.outcomes if outcome.verdict is verdict))
