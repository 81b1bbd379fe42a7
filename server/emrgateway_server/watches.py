"""A WatchJobRun, from its bytes to its last message: admitted in a thread, followed on the event loop.

Who may watch is judged when a stream begins and again by each policy that comes into force; who the caller is, when it
begins: no stream outlives `max_connection_age_seconds` by more than its grace, and the next one proves it anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, suppress
from contextvars import Context
from dataclasses import dataclass

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import shapes
from emrgateway_server.access import Access, Asked
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.errors import Draining, InvalidRequest, Violation
from emrgateway_server.intake import Intake
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.watching import Hub, Seen, Streams, Watcher, read_token

RECHECK_SECONDS = 0.5
CLOSING_SECONDS = 5.0  # for streams to end; one whose caller reads nothing is cut off after that

_GET = shapes.request_shape("GetJobRun")


@dataclass(frozen=True, slots=True)
class Admission:
    """One who may watch a run, whose it is, and what they have seen of it."""

    asked: Asked
    job_run_id: str
    owner: Caller | None
    seen: Seen | None


class Watches:
    """All streams of one gateway."""

    def __init__(
        self,
        *,
        intake: Intake,
        access: Access,
        policies: PolicySource,
        most_streams: int,
        ended: Callable[[job_run_pb2.JobRun], None],
    ) -> None:
        """`ended` hears of each run that came to its end while it was watched here, in a thread."""
        self._intake = intake
        self._access = access
        self._policies = policies
        self._streams = Streams(most_streams)
        self._hub = Hub(ended)
        self._judged: dict[Watcher, Admission] = {}
        self._engine = policies.engine
        self._rechecking: asyncio.Task[None] | None = None

    @property
    def open_streams(self) -> int:
        """How many there are."""
        return self._streams.open

    def place(self) -> AbstractContextManager[None]:
        """A stream's place; `Throttled` where there is none, `Draining` where the server ends."""
        return self._streams.one()

    def share(self, admission: Admission) -> AbstractContextManager[None]:
        """The place as one of its caller's; `Throttled` where they have as many as one caller may have."""
        return self._streams.share(admission.asked.caller.id)

    def admit(self, data: bytes, call: Call) -> Admission:
        """Who watches what. Blocking; raises what a GetJobRun raises.

        Whose the run is is asked even of those who may watch everybody's: it says that the run is there.
        """
        caller = self._intake.caller(call)
        message, request = self._intake.read(data, pb.WatchJobRunRequest, _GET)
        seen = _seen(message)
        asked = self._access.asked("watch", caller, request)
        return Admission(asked, message.job_run_id, asked.owner(call), seen)

    async def changes(self, admission: Admission) -> AsyncGenerator[pb.WatchJobRunResponse, None]:
        """The messages of a stream, until the run has ended; the error that ends it otherwise."""
        asked = admission.asked
        with self._hub.watching(
            asked.target, asked.target.name, asked.application_id, admission.job_run_id, admission.seen
        ) as watcher:
            self._judged[watcher] = admission
            self._judge(watcher)
            if self._rechecking is None:
                self._rechecking = asyncio.create_task(self._recheck(), name="watch policy", context=Context())
            try:
                async for change in watcher.changes():
                    yield change
            finally:
                del self._judged[watcher]

    async def close(self, seconds: float) -> None:
        """End every stream, let no more in, and wait at most so long until all have heard of it."""
        self._hub.close(Draining("this server is shutting down: watch again with the last resume_token"))
        await self._streams.close(min(seconds, CLOSING_SECONDS))
        if self._rechecking is not None:
            self._rechecking.cancel()
            with suppress(asyncio.CancelledError):
                await self._rechecking

    async def _recheck(self) -> None:
        """End the streams that a new policy does not allow any more."""
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if self._policies.engine is self._engine:
                continue
            self._engine = self._policies.engine
            for watcher in list(self._judged):
                self._judge(watcher)
                await asyncio.sleep(0)  # a policy's first word on a caller takes a moment, and calls wait

    def _judge(self, watcher: Watcher) -> None:
        admission = self._judged.get(watcher)
        if admission is None or admission.asked.engine is self._policies.engine:
            return
        asked = admission.asked
        if not self._policies.engine.may_touch("watch", asked.caller, asked.application_id, admission.owner):
            watcher.end(asked.refusal())


def _seen(message: pb.WatchJobRunRequest) -> Seen | None:
    if not message.HasField("resume_token"):
        return None
    try:
        return read_token(message.resume_token, message.application_id, message.job_run_id)
    except ValueError:
        what = "is no resume_token of this job run: give the last one that a stream brought, or none"
        raise InvalidRequest(
            f"the request is not valid: resume_token {what}", violations=[Violation("resume_token", what)]
        ) from None
