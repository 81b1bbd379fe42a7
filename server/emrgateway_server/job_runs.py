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
from emrgateway_server.audit import Audit
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target, Targets
from emrgateway_server.identity import Identity, Labels
from emrgateway_server.ledger import Submission, Submissions
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
        labels: Labels,
        policies: PolicySource,
        targets: Targets,
        submissions: Submissions,
        audit: Audit,
        max_message_bytes: int,
        traces_jobs: bool,
    ) -> None:
        self._identity = identity
        self._labels = labels
        self._policies = policies
        self._targets = targets
        self._audit = audit
        self._traces_jobs = traces_jobs
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
        conf = telemetry.job_settings(submission.token) if self._traces_jobs else {}
        judge = partial(self._judged, self._policies.engine, caller, original, stamps=stamps, conf=conf, call=call)
        if message.validate_only:
            decision = judge()
            if decision.allowed:
                existing(target, message.application_id)
            return replies.validated(decision)
        return self._submitting.reply(Start(submission, caller.id, message.application_id, target, judge, call))

    def get(self, data: bytes, call: Call) -> pb.GetJobRunResponse:
        """A GetJobRun, from its bytes to its reply.

        A run is shown to those whose grants cover its owner, whom the stamped tag names. Whose it is is known before
        AWS is asked for an attempt: what AWS says of one that is not there must not tell a stranger that the run is.
        """
        caller = self._identified(call)
        message, request = self._read(data, pb.GetJobRunRequest, _GET)
        engine = self._policies.engine
        if not engine.has_grant("get", caller, message.application_id):
            raise emr.not_found(request)
        target = existing(self._targets.of(message.application_id), message.application_id)
        first = {key: value for key, value in request.items() if key != "attempt"}
        got = translate.sayable(target.send("GetJobRun", first, call=call, caller=caller.id), _GOT)
        owner_id = got["jobRun"].get("tags", {}).get(emr.CALLER_TAG)
        owner = None if owner_id is None else Caller(owner_id, self._labels.of(owner_id))
        if not engine.may_touch("get", caller, message.application_id, owner):
            raise emr.not_found(request)
        if "attempt" in request:
            got = translate.sayable(target.send("GetJobRun", request, call=call, caller=caller.id), _GOT)
        return translate.from_aws(got, pb.GetJobRunResponse, _GOT)

    def _identified(self, call: Call) -> Caller:
        caller = self._identity.identify(call.peer)
        telemetry.note_caller(caller.id)
        return caller

    def _read(
        self, data: bytes, message_class: type[_Message], shape: shapes.Shape
    ) -> tuple[_Message, dict[str, object]]:
        return judging.read(data, message_class, shape, most_bytes=self._max_message_bytes)

    def _judged(
        self,
        engine: Engine,
        caller: Caller,
        original: Mapping[str, object],
        *,
        stamps: Mapping[str, str],
        conf: Mapping[str, str],
        call: Call,
    ) -> Decision:
        """The decision, which the audit has by the time that anything is done about it."""
        with telemetry.policy_span() as span:
            decision = judging.judge(engine, caller, original, stamps, conf=conf)
            telemetry.note_decision(
                span,
                decision.policy_digest,
                allowed=decision.allowed,
                changed=_rules(decision, Verdict.CHANGED),
                denied=_rules(decision, Verdict.DENIED),
                untraced=decision.unstamped,
            )
        telemetry.count_outcomes((each.rule_id, each.verdict.value, each.mode.value) for each in decision.outcomes)
        self._audit.judged(caller, original, decision, call)
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
