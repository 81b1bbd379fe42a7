"""A job run that somebody watches: how it stands, who waits, when it is looked at next. For the event loop alone."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server.errors import GatewayError
from emrgateway_server.watching import pace
from emrgateway_server.watching.seen import Seen
from emrgateway_server.watching.sighting import Sighting
from emrgateway_server.watching.tokens import write_token
from emrgateway_server.watching.watcher import Watcher

# One of AWS's servers may not know yet of a run that another has just started.
GONE_SECONDS = 60.0
GONE_TIMES = 3
_LONGEST_UNCHANGED_SECONDS = 86_400.0


class Run:
    """One run. Every `now` is of the monotonic clock."""

    def __init__(self, application_id: str, job_run_id: str, now: float, phase: float = 0.0) -> None:
        """Due now; afterwards on the grid that `phase` shifts."""
        self.job_run_id = job_run_id
        self.watchers: set[Watcher] = set()
        self.last: tuple[Seen, pb.WatchJobRunResponse] | None = None
        self.created_at: dt.datetime | None = None
        self.due = now
        self._phase = phase
        self._application_id = application_id
        self._changed = now
        self._missed: list[float] = []

    @property
    def has_ended(self) -> bool:
        """Whether it was seen at its end."""
        return self.last is not None and self.last[0].is_end

    def see(self, sighting: Sighting, now: float) -> bool:
        """Take in how it stands, tell whoever waits where that is another; whether it has just come to its end."""
        self.due = pace.due(now, now - self._changed, self._phase)
        self._missed.clear()
        self.created_at = sighting.created_at
        before = self.last[0] if self.last else None
        seen = sighting.seen
        if before is not None and not seen.attempt:
            seen = dataclasses.replace(seen, attempt=before.attempt)
        is_changed = seen.is_news_after(before) and not self.has_ended
        if is_changed:
            self._changed = now if before else now - _unchanged_seconds(seen)
            self.last = (seen, self._message(sighting, seen))
            for watcher in self.watchers:
                watcher.ring()
        self.due = math.inf if self.has_ended else pace.due(now, now - self._changed, self._phase)
        return is_changed and seen.is_end and before is not None

    def miss(self, now: float) -> bool:
        """Take in that AWS does not know of it; whether it is gone for good."""
        self._missed.append(now)
        self.due = pace.due(now, 0, self._phase)
        return len(self._missed) >= GONE_TIMES and now - self._missed[0] >= GONE_SECONDS

    def end(self, error: GatewayError) -> None:
        """End every stream that follows it."""
        for watcher in self.watchers:
            watcher.end(error)

    def _message(self, sighting: Sighting, seen: Seen) -> pb.WatchJobRunResponse:
        token = write_token(self._application_id, self.job_run_id, seen)
        return pb.WatchJobRunResponse(job_run=sighting.message(), resume_token=token)


def _unchanged_seconds(seen: Seen) -> float:
    """For how long a run was as it is when it is seen for the first time, by AWS's clock and ours."""
    if not seen.updated_ms:
        return 0.0
    seconds = dt.datetime.now(dt.UTC).timestamp() - seen.updated_ms / 1000
    return min(_LONGEST_UNCHANGED_SECONDS, max(0.0, seconds))
