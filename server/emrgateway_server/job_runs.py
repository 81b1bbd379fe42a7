"""What is done with a StartJobRun, step by step: identify, read, recall, judge, start, reply.

The steps never call each other; this is the one place that knows their order. What is judged is what is sent: the
translated request goes through policy and to AWS, and nothing reads the caller's message again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import emr, judging, replies, telemetry
from emrgateway_server.audit import Audit
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target, Targets
from emrgateway_server.intake import Intake
from emrgateway_server.ledger import Submission, Submissions
from emrgateway_server.owners import Owners
from emrgateway_server.policy import Decision, Engine, Verdict
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.submitting import Start, Submitting, existing


class JobRuns:
    """Makes job runs. Blocking and thread-safe."""

    def __init__(
        self,
        *,
        intake: Intake,
        owners: Owners,
        policies: PolicySource,
        targets: Targets,
        submissions: Submissions,
        audit: Audit,
        traces_jobs: bool,
    ) -> None:
        self._intake = intake
        self._owners = owners
        self._policies = policies
        self._targets = targets
        self._audit = audit
        self._traces_jobs = traces_jobs
        self._submitting = Submitting(submissions)

    def start(self, data: bytes, call: Call) -> pb.StartJobRunResponse:
        """A StartJobRun, from its bytes to its reply.

        A dry run neither reads the ledger nor binds its token: it tells what policy says today.
        """
        caller = self._intake.caller(call)
        message, original = self._intake.read(data, pb.StartJobRunRequest, judging.START)
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
        reply = self._submitting.reply(Start(submission, caller.id, message.application_id, target, judge, call))
        if target is not None:
            self._owners.note(target, message.application_id, reply.job_run_id, caller.id)
        return reply

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
