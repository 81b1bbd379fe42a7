"""How many watch at one time: bounded, counted, and ended together when the server does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prometheus_client import Gauge

from emrgateway_server.errors import Draining, Throttled

RETRY_SECONDS = 5.0

_OPEN = Gauge("emr_gateway_watch_streams", "WatchJobRun streams that are open.")


class Streams:
    """The open streams of one server, for the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._closed = False
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a stream's place; `Throttled` where there is none, `Draining` where the server ends."""
        if self._closed:
            raise Draining("this server is shutting down: watch again, and another one answers")
        if self._open >= self._most:
            raise Throttled(
                f"the gateway serves {self._most} watchers at a time, and all places are taken: watch again later",
                retry_after=RETRY_SECONDS * random.uniform(0.5, 1.5),  # noqa: S311 - jitter, no secret
            )
        self._note(1)
        try:
            yield
        finally:
            self._note(-1)

    async def close(self, seconds: float) -> None:
        """Let no more in, and wait until those that are open have ended, at most so long."""
        self._closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._none.wait(), seconds)

    def _note(self, count: int) -> None:
        self._open += count
        _OPEN.set(self._open)
        if self._open:
            self._none.clear()
        else:
            self._none.set()
