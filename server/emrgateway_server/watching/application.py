"""The poller of one application: looks at the runs that somebody watches, while somebody does."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from contextvars import Context

from emrgateway.v1 import job_run_pb2
from emrgateway_server import telemetry
from emrgateway_server.errors import GatewayError, Internal, NotFound
from emrgateway_server.watching import pace
from emrgateway_server.watching.looks import Aws, Looked, Looks, Wanted
from emrgateway_server.watching.run import Run
from emrgateway_server.watching.sighting import Sighting

GATHER_SECONDS = 0.05  # for watchers that come together

_log = logging.getLogger(__name__)


class Application:
    """For the event loop alone; `ended` hears of each run that came to its end while it was watched, in a thread."""

    def __init__(
        self, aws: Aws, application_id: str, threads: Executor, ended: Callable[[job_run_pb2.JobRun], None]
    ) -> None:
        self.runs: dict[str, Run] = {}
        self._id = application_id
        self._threads = threads
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._looks = Looks(aws, application_id, self._bring(self._see), self._bring(self._miss))
        self._woken = asyncio.Event()
        self._phase = random.uniform(0, pace.SLOWEST_SECONDS)  # noqa: S311 - that not all applications are due at once
        self._rested = 0.0
        self._failures = 0
        # In a context of its own: it is no part of the call that happens to begin it.
        self._task = asyncio.create_task(self._poll(), name=f"watch {application_id}", context=Context())

    def run(self, job_run_id: str) -> Run:
        """The run that is watched, from now on."""
        found = self.runs.get(job_run_id)
        if found is None:
            found = self.runs[job_run_id] = Run(self._id, job_run_id, time.monotonic() + GATHER_SECONDS, self._phase)
            self._woken.set()
        return found

    def stop(self) -> None:
        """Look no more."""
        self._looks.stop()
        self._task.cancel()

    async def _poll(self) -> None:
        while True:
            await self._until_due()
            began = time.monotonic()
            looked = await self._look(self._due(began))
            self._rest(looked, time.monotonic() - began)

    async def _until_due(self) -> None:
        while True:
            self._woken.clear()
            first = min((run.due for run in self.runs.values()), default=float("inf"))
            seconds = max(first, self._rested) - time.monotonic()
            if seconds <= 0:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), seconds)

    def _due(self, now: float) -> list[Wanted]:
        """Those that are due; the longest first, so that all have their turn where some are left for the next look."""
        due = sorted((run for run in self.runs.values() if run.due <= now), key=lambda run: run.due)
        return [Wanted(run.job_run_id, run.created_at) for run in due]

    async def _look(self, due: Sequence[Wanted]) -> Looked:
        try:
            return await self._loop.run_in_executor(self._threads, self._looks.look, due)
        except Exception as error:  # noqa: BLE001 - a bug: no reason to leave those who wait without an answer for ever
            telemetry.log_bug(error)
            return Looked(1, Internal("a bug in the gateway"))

    def _rest(self, looked: Looked, seconds: float) -> None:
        rest = pace.rest(looked.calls, seconds)
        if looked.error is not None:
            if not self._failures:
                _log.warning("watching %s: %s; looking on", self._id, looked.error.reason)
            self._failures += 1
            rest = max(rest, pace.back_off(self._failures) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret
        elif self._failures:
            _log.info("watching %s: AWS answers again after %d looks", self._id, self._failures)
            self._failures = 0
        self._rested = time.monotonic() + rest

    def _bring(self, take: Callable[..., None]) -> Callable[..., object]:
        """The function, called on the loop from a thread, unless that has ended."""

        def bring(found: object) -> None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(take, found)

        return bring

    def _see(self, found: Sequence[Sighting]) -> None:
        now = time.monotonic()
        for sighting in found:
            run = self.runs.get(sighting.job_run_id)
            try:
                has_come_to_its_end = run is not None and run.see(sighting, now)
            except Exception as error:  # noqa: BLE001 - a bug: what is told of one run must not keep others waiting
                telemetry.log_bug(error)
                continue
            if run is not None and run.last is not None and has_come_to_its_end:
                job_run = job_run_pb2.JobRun()
                job_run.CopyFrom(run.last[1].job_run)
                with suppress(RuntimeError):  # the server ends
                    self._threads.submit(self._tell_end, job_run)

    def _miss(self, job_run_id: str) -> None:
        run = self.runs.get(job_run_id)
        if run is not None and run.miss(time.monotonic()):
            run.end(_gone(self._id, job_run_id))

    def _tell_end(self, job_run: job_run_pb2.JobRun) -> None:
        try:
            self._ended(job_run)
        except Exception as error:  # noqa: BLE001 - whoever hears of it must not keep us from looking
            telemetry.log_bug(error)


def _gone(application_id: str, job_run_id: str) -> GatewayError:
    resource = f"applications/{application_id}/jobruns/{job_run_id}"
    return NotFound(f"{resource} is not there, or not yours", resource_type="job run", resource=resource)
