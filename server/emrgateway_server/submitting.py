"""One accepted submission is one job run: recall, judge, send, whatever broke on the way before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import record, replies, telemetry
from emrgateway_server.call import Call
from emrgateway_server.emr import Target, lookup
from emrgateway_server.errors import (
    Conflict,
    GatewayError,
    NoTarget,
    Outcome,
    Throttled,
    UpstreamAccessDenied,
    UpstreamUnknown,
    UpstreamUnreachable,
)
from emrgateway_server.ledger import Claim, Flights, Standing, Submission, Submissions, token_reused
from emrgateway_server.policy import Decision

LOOK_UP_SECONDS = 0.2  # what one more question to AWS may take, with time left to answer


def existing(target: Target | None, application_id: str) -> Target:
    """The target, or `NoTarget` where there is none."""
    if target is None:
        raise NoTarget(f"no account of this gateway's configuration serves application {application_id}")
    return target


@dataclass(frozen=True, slots=True)
class Start:
    """One StartJobRun: what it is remembered by, where it goes, how it is judged, and its clock."""

    submission: Submission
    caller_id: str
    application_id: str
    target: Target | None
    judge: Callable[[], Decision]
    call: Call


class Submitting:
    """Makes job runs of submissions. Blocking and thread-safe."""

    def __init__(self, submissions: Submissions) -> None:
        self._submissions = submissions
        self._flights: Flights[pb.StartJobRunResponse] = Flights()

    def reply(self, start: Start) -> pb.StartJobRunResponse:
        """The reply that was given to the same submission before, or that of the job run which is started now."""
        return self._flights.share(start.submission, start.call, partial(self._reply, start))

    def _reply(self, start: Start) -> pb.StartJobRunResponse:
        while True:
            start.call.check()
            standing = self._submissions.recall(start.submission, start.call)
            if not standing.is_blind:
                telemetry.count_lookup("hit" if standing.reply is not None else "pending" if standing.row else "miss")
            if standing.reply is not None:
                record.note_recall()
                return pb.StartJobRunResponse.FromString(standing.reply)
            decision = start.judge()
            if not decision.allowed and not standing.may_have_started:
                raise replies.refused(decision)
            target = existing(start.target, start.application_id)
            claim = self._submissions.claim(start.submission, standing, start.call)
            if claim is not None:
                break  # else another replica came between
        with self._noted(claim, start.call):
            reply = self._settled(start, target, decision, standing)
        noted = self._submissions.finish(claim, reply.SerializeToString(), start.call)
        return pb.StartJobRunResponse.FromString(noted)

    def _settled(self, start: Start, target: Target, decision: Decision, standing: Standing) -> pb.StartJobRunResponse:
        """Send, or look up what was sent: where sending again could start a second job, or policy now refuses to."""
        if decision.allowed and not self._submissions.is_past_resending(standing):
            try:
                return self._sent(start, target, decision)
            except Conflict as conflict:
                return self._after(conflict, start, target)
        found = self._found(start, target)
        if found is not None:
            return found
        if not decision.allowed:
            raise replies.refused(decision)
        raise UpstreamUnknown(
            "an earlier call may have started this job, too long ago to send its token again, and no job run of it is "
            "found: look for it before you submit with a new client_token"
        )

    @staticmethod
    def _sent(start: Start, target: Target, decision: Decision) -> pb.StartJobRunResponse:
        request = {**decision.request, "clientToken": start.submission.token}
        started = target.send("StartJobRun", request, call=start.call, caller=start.caller_id)
        return replies.started(started, decision)

    def _after(self, conflict: Conflict, start: Start, target: Target) -> pb.StartJobRunResponse:
        """What AWS's conflict is about: the state of the application, or the token, which has a run already."""
        if conflict.is_of_token is False:
            raise conflict
        cut: GatewayError | None = None
        try:
            found = self._found(start, target)
            if found is not None:
                return found
        except (Throttled, UpstreamAccessDenied, UpstreamUnknown, UpstreamUnreachable) as error:
            cut = error
        conflict.is_of_clock = cut is not None and cut.is_of_clock
        if not conflict.is_of_token:
            if cut is not None:  # it may be of the token, and then there is a run
                conflict.metadata["outcome"] = Outcome.UNKNOWN
            raise conflict
        what = "is not found yet" if cut is None else "could not be looked for to the end"
        raise UpstreamUnknown(
            f"AWS knows this submission's token, and its job run {what}: retry with the same client_token",
            is_of_clock=conflict.is_of_clock,
        ) from conflict

    def _found(self, start: Start, target: Target) -> pb.StartJobRunResponse | None:
        """The run that an earlier call started; what policy made of the request then is not known any more.

        None where there is none; `UpstreamUnknown` where not all could be looked at.
        """
        try:
            found = self._looked_up(start, target)
        except lookup.Unfinished as unfinished:
            raise UpstreamUnknown(
                "an earlier call may have started this job, and there "
                + ("was no time" if unfinished.for_time else "are too many job runs")
                + " to look at all that may be it: retry with the same client_token, or look for it",
                is_of_clock=unfinished.for_time,
            ) from None
        if found is None:
            return None
        if found.intent != start.submission.intent:
            raise token_reused()
        return replies.started(found.reply, None)

    def _looked_up(self, start: Start, target: Target) -> lookup.Found | None:
        send = partial(target.send, call=start.call, caller=start.caller_id)
        return lookup.find(
            application_id=start.application_id,
            token=start.submission.token,
            since=time.time() - self._submissions.ttl_seconds,
            list_runs=partial(send, "ListJobRuns"),
            get_run=partial(send, "GetJobRun"),
            has_time=lambda: start.call.remaining_seconds > LOOK_UP_SECONDS,
        )

    @contextmanager
    def _noted(self, claim: Claim, call: Call) -> Iterator[None]:
        """Tell the ledger how a sending failed."""
        try:
            yield
        except GatewayError as error:
            outcome = error.metadata.get("outcome", error.outcome)
            self._submissions.fail(claim, call, may_have_started=outcome == Outcome.UNKNOWN)
            raise
        except BaseException:
            self._submissions.fail(claim, call, may_have_started=call.may_have_started)
            raise
