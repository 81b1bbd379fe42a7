"""The concurrency limit: a place is taken before a call's work begins and given back when it ends.

The work may outlive its call by a moment. Its place stays taken, so that the next caller is told to come later, not
left to wait for a thread. A call that waits for its turn toward AWS has no place: who floods one operation fills its
line, not the gateway.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from emrgateway_server.errors import Draining, Throttled

BUSY_RETRY_SECONDS = 0.2
PARKED_PER_PLACE = 4  # each parked call holds a thread
MOST_PARKED = 512  # with all places, fewer threads than the 1,024 tasks that a container is commonly held to


def share(most: int) -> int:
    """What one kind of work may hold of `most` places: three quarters, so that the others find one."""
    return -(-3 * most // 4)


class Places:
    """The places of one server, thread-safe; `close` and `answered` are for the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._taken = 0
        self._reading = 0
        self._parked = 0
        self._answering = 0
        self._closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def most_threads(self) -> int:
        """The threads that serve every call that may be there, with a place or parked."""
        return self._most + self._most_parked

    @property
    def taken(self) -> int:
        """The places that are taken."""
        return self._taken

    @property
    def parked(self) -> int:
        """The calls that wait without one."""
        return self._parked

    @property
    def _most_parked(self) -> int:
        return min(PARKED_PER_PLACE * self._most, MOST_PARKED)

    def take(self, *, reads: bool = False) -> Place:
        """Take a place, or raise `Throttled` where none is free, `Draining` where none is given any more.

        Those that only read leave some to those that start jobs.
        """
        with self._lock:
            if self._closed:
                raise Draining("this server is shutting down: retry, and another one answers")
            if self._taken >= self._most or (reads and self._reading >= share(self._most)):
                raise Throttled(
                    f"the gateway serves {self._most} calls at a time, and all places are taken: retry later",
                    retry_after=BUSY_RETRY_SECONDS,
                )
            self._move(1, reads=reads)
        self._answering += 1
        self._quiet.clear()
        return Place(self, reads=reads)

    def answered(self) -> None:
        """Note that a call has its answer."""
        self._answering -= 1
        if not self._answering:
            self._quiet.set()

    async def close(self, seconds: float) -> None:
        """Give no more places, and wait until every call has its answer, at most so many seconds."""
        self._closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), seconds)

    def park(self, *, reads: bool) -> bool:
        """Free a place for as long as its call waits, unless too many do."""
        with self._lock:
            if self._parked >= self._most_parked:
                return False
            self._parked += 1
            self._move(-1, reads=reads)
            return True

    def unpark(self, *, reads: bool) -> None:
        """Take a place again, even one too many: the call was let in long ago."""
        with self._lock:
            self._parked -= 1
            self._move(1, reads=reads)

    def give_back(self, *, reads: bool) -> None:
        """Give a place back: its work has ended."""
        with self._lock:
            self._move(-1, reads=reads)

    def _move(self, count: int, *, reads: bool) -> None:
        self._taken += count
        self._reading += count if reads else 0


class Place:
    """One call's place."""

    def __init__(self, places: Places, *, reads: bool) -> None:
        self._places = places
        self._reads = reads
        self._is_parked = False

    def leave(self) -> None:
        """Let another call have it."""
        self._is_parked = self._places.park(reads=self._reads)

    def come_back(self) -> None:
        """Have one again."""
        if self._is_parked:
            self._is_parked = False
            self._places.unpark(reads=self._reads)

    def give_back(self) -> None:
        """Give it back: the work has ended."""
        self._places.give_back(reads=self._reads)
