"""How many watch at one time: bounded, of one caller too, counted, and ended together when the server does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from emrgateway_server.errors import Draining, Throttled

RETRY_SECONDS = 5.0


class Streams:
    """The open streams of one server, for the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._of_caller: Counter[str] = Counter()
        self._closed = False
        self._none = asyncio.Event()
        self._none.set()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a stream's place; `Throttled` where there is none, `Draining` where the server ends."""
        if self._closed:
            raise Draining("this server is shutting down: watch again, and another one answers")
        if self._open >= self._most:
            raise _full(f"the gateway serves {self._most} watchers at a time, and all places are taken")
        self._note(1)
        try:
            yield
        finally:
            self._note(-1)

    @contextmanager
    def share(self, caller_id: str) -> Iterator[None]:
        """Hold a stream's place for a caller; `Throttled` where all of what one may have is taken.

        That is three quarters: a stream costs its caller nothing, and who keeps them all keeps out everybody else.
        """
        most = self._most - self._most // 4
        if self._of_caller[caller_id] >= most:
            raise _full(f"the gateway serves one caller {most} watchers at a time, and all of them are there")
        self._of_caller[caller_id] += 1
        try:
            yield
        finally:
            self._of_caller[caller_id] -= 1
            if not self._of_caller[caller_id]:
                del self._of_caller[caller_id]

    async def close(self, seconds: float) -> None:
        """Let no more in, and wait until those that are open have ended, at most so long."""
        self._closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), seconds)

    def _note(self, count: int) -> None:
        self._open += count
        if self._open:
            self._none.clear()
        else:
            self._none.set()


def _full(what: str) -> Throttled:
    retry_after = RETRY_SECONDS * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
    return Throttled(f"{what}: watch again later", retry_after=retry_after)
