"""What is done with a request, step by step: identify, parse, translate, check, recall, judge, start, reply.

The steps never call each other; this is the one place that knows their order. What is judged is what is sent: the
translated request goes through policy and to AWS, and nothing reads the caller's message again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from google.protobuf.message import Message

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import emr, judging, replies, shapes, telemetry, translate
from emrgateway_server.access import Access
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target, Targets
from emrgateway_server.identity import Identity
from emrgateway_server.ledger import Submission, Submissions
from emrgateway_server.owners import Owners, stamped
from emrgateway_server.policy import Decision, Engine, Verdict
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.submitting import Start, Submitting, existing

_Message = TypeVar("_Message", bound=Message)

_GET = shapes.request_shape("GetJobRun")
_GOT = shapes.response_shape("GetJobRun")


class JobRuns:
    """The gateway's work, blocking and thread-safe."""

    def __init__(
        self,
        *,
        identity: Identity,
        owners: Owners,
        policies: PolicySource,
        targets: Targets,
        submissions: Submissions,
        max_message_bytes: int,
    ) -> None:
        self._identity = identity
        self._owners = owners
        self._access = Access(policies, targets, owners)
        self._policies = policies
        self._targets = targets
        self._submitting = Submitting(submissions)
        self._max_message_bytes = max_message_bytes

    def start(self, data: bytes, call: Call) -> pb.StartJobRunResponse:
        """A StartJobRun, from its bytes to its reply.

        A dry run neither reads the ledger nor binds its token: it tells what policy says today.
        """
        caller = self._identified(call)
        message, original = self._read(data, pb.StartJobRunRequest, judging.START)
        target = self._targets.of(message.application_id)
        submission = Submission(_upstream_token(caller, target, original), emr.intent(original))
        stamps = emr.reserved_tags(caller=caller.id, token=submission.token, intent=submission.intent)
        judge = partial(_judged, self._policies.engine, caller, original, stamps)
        if message.validate_only:
            decision = judge()
            if decision.allowed:
                existing(target, message.application_id)
            return replies.validated(decision)
        reply = self._submitting.reply(Start(submission, caller.id, message.application_id, target, judge, call))
        if target is not None:
            self._owners.note(target, message.application_id, reply.job_run_id, caller.id)
        return reply

    def get(self, data: bytes, call: Call) -> pb.GetJobRunResponse:
        """A GetJobRun, from its bytes to its reply.

        A run is shown to those whose grants cover its owner, whom the stamped tag names. Whose it is is known before
        AWS is asked for an attempt: what AWS says of one that is not there must not tell a stranger that the run is.
        """
        caller = self._identified(call)
        message, request = self._read(data, pb.GetJobRunRequest, _GET)
        asked = self._access.asked("get", caller, request)
        if message.HasField("attempt"):
            asked.authorise(call)
            reply = asked.target.send("GetJobRun", request, call=call, caller=caller.id)
        else:
            reply = asked.ask(call)
            owner_id = stamped(reply["jobRun"])
            if not asked.covers(self._owners.note(asked.target, message.application_id, message.job_run_id, owner_id)):
                raise asked.refusal()
        return translate.from_aws(translate.sayable(reply, _GOT), pb.GetJobRunResponse, _GOT)

    def _identified(self, call: Call) -> Caller:
        caller = self._identity.identify(call.peer)
        telemetry.note_caller(caller.id)
        return caller

    def _read(
        self, data: bytes, message_class: type[_Message], shape: shapes.Shape
    ) -> tuple[_Message, dict[str, object]]:
        return judging.read(data, message_class, shape, most_bytes=self._max_message_bytes)


def _judged(engine: Engine, caller: Caller, original: Mapping[str, object], stamps: Mapping[str, str]) -> Decision:
    with telemetry.policy_span() as span:
        decision = judging.judge(engine, caller, original, stamps)
        telemetry.note_decision(
            span,
            decision.policy_digest,
            allowed=decision.allowed,
            changed=_rules(decision, Verdict.CHANGED),
            denied=_rules(decision, Verdict.DENIED),
        )
    telemetry.count_outcomes((each.rule_id, each.verdict.value, each.mode.value) for each in decision.outcomes)
    return decision


def _upstream_token(caller: Caller, target: Target | None, original: Mapping[str, object]) -> str:
    return emr.upstream_token(
        caller=caller.id,
        account=target.account if target else "",
        region=target.region if target else "",
        application=str(original["applicationId"]),
        client_token=str(original["clientToken"]),
    )


def _rules(decision: Decision, verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(outcome.rule_id for outcome in decision.outcomes if outcome.verdict is verdict))
