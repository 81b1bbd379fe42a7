"""How many calls there may be at one time: a place is taken before the work begins and given back when it ends.

The work may outlive its call: AWS can let a thread hang whose caller was answered long ago. Its place stays taken, so
that the next caller is told to come later, not left to wait for a thread.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from emrgateway_server.errors import Draining, Throttled

BUSY_RETRY_SECONDS = 0.2


class Places:
    """The places of one server. Used on the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._answering = 0
        self._closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    def take(self) -> None:
        """Take a place, or raise `Throttled` where none is free, `Draining` where none is given any more."""
        if self._closed:
            raise Draining("this server is shutting down: retry, and another one answers")
        if self._taken >= self._most:
            raise Throttled(
                f"the gateway serves {self._most} calls at a time, and all places are taken: retry later",
                retry_after=BUSY_RETRY_SECONDS,
            )
        self._taken += 1
        self._answering += 1
        self._quiet.clear()

    def answered(self) -> None:
        """Note that a call has its answer."""
        self._answering -= 1
        if not self._answering:
            self._quiet.set()

    def give_back(self) -> None:
        """Give a place back: its work has ended."""
        self._taken -= 1

    async def close(self, seconds: float) -> None:
        """Give no more places, and wait until every call has its answer, at most so many seconds."""
        self._closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), seconds)
