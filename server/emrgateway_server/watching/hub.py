"""All applications that somebody watches, and the few threads that look at them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from emrgateway.v1 import job_run_pb2
from emrgateway_server.errors import GatewayError
from emrgateway_server.watching.application import Application
from emrgateway_server.watching.looks import Aws
from emrgateway_server.watching.run import Run
from emrgateway_server.watching.seen import Seen
from emrgateway_server.watching.watcher import Watcher

LOOKER_NAME = "watch"
LOOKERS = 4  # threads for each target: one that is silent holds no other's
# Watchers of a run come back together when it has ended: one look answers for all of them. Not for long: AWS may give
# its figures late.
KEPT_SECONDS = 60.0
MOST_KEPT = 1_000

_Place = tuple[str, str]


def _nobody(_: job_run_pb2.JobRun) -> None:
    pass


class Hub:
    """For the event loop alone."""

    def __init__(self, ended: Callable[[job_run_pb2.JobRun], None] = _nobody) -> None:
        """`ended` hears of each run that came to its end while it was watched here, in a thread, once a replica."""
        self._ended = ended
        self._threads: dict[str, ThreadPoolExecutor] = {}
        self._applications: dict[_Place, Application] = {}
        self._kept: OrderedDict[tuple[_Place, str], tuple[float, Run]] = OrderedDict()
        self._closing: GatewayError | None = None

    @contextmanager
    def watching(
        self, aws: Aws, name: str, application_id: str, job_run_id: str, seen: Seen | None
    ) -> Iterator[Watcher]:
        """Follow a run of an application in the target of that name; `seen` is what the caller has seen already."""
        place = (name, application_id)
        run = self._kept_run(place, job_run_id) or self._application(aws, place).run(job_run_id)
        watcher = Watcher(run, seen)
        if self._closing is not None:
            watcher.end(self._closing)
        run.watchers.add(watcher)
        try:
            yield watcher
        finally:
            run.watchers.discard(watcher)
            if not run.watchers:
                self._leave(place, run)

    def close(self, error: GatewayError) -> None:
        """End every stream, those to come too."""
        self._closing = error
        for application in self._applications.values():
            application.stop()
            for run in application.runs.values():
                run.end(error)
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    def _application(self, aws: Aws, place: _Place) -> Application:
        found = self._applications.get(place)
        if found is None:
            name, application_id = place
            if name not in self._threads:
                self._threads[name] = ThreadPoolExecutor(LOOKERS, thread_name_prefix=LOOKER_NAME)
            found = Application(aws, application_id, self._threads[name], self._ended)
            self._applications[place] = found
        return found

    def _leave(self, place: _Place, run: Run) -> None:
        """Nobody watches a run any more."""
        application = self._applications.get(place)
        if application is None or application.runs.get(run.job_run_id) is not run:
            return
        del application.runs[run.job_run_id]
        if run.has_ended:
            self._keep(place, run)
        if not application.runs:
            application.stop()
            del self._applications[place]

    def _keep(self, place: _Place, run: Run) -> None:
        self._kept[place, run.job_run_id] = (time.monotonic() + KEPT_SECONDS, run)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _kept_run(self, place: _Place, job_run_id: str) -> Run | None:
        until, run = self._kept.get((place, job_run_id), (0.0, None))
        if run is not None and until <= time.monotonic():
            del self._kept[place, job_run_id]
            return None
        return run
