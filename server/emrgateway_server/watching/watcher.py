"""One stream's place beside the run that it follows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server.errors import GatewayError
from emrgateway_server.watching.seen import Seen


class Followed(Protocol):
    """A run, as far as its watchers read it."""

    @property
    def last(self) -> tuple[Seen, pb.WatchJobRunResponse] | None:
        """How it was seen last, and the message that says so."""


class Watcher:
    """Waits on the event loop for what is news to one stream.

    It queues nothing: who reads slowly misses states between, and never the last one, which stays.
    """

    def __init__(self, run: Followed, seen: Seen | None) -> None:
        """`seen` is what the caller has seen already."""
        self._run = run
        self._seen = seen
        self._news = asyncio.Event()
        self._ending: GatewayError | None = None

    def ring(self) -> None:
        """Say that the run was seen otherwise."""
        self._news.set()

    def end(self, error: GatewayError) -> None:
        """End the stream with an error."""
        self._ending = error.copied()
        self._news.set()

    async def changes(self) -> AsyncIterator[pb.WatchJobRunResponse]:
        """The run's present state and each change of it, until it has ended; the error that ends the stream."""
        while True:
            self._news.clear()
            if self._ending is not None:
                raise self._ending
            last = self._run.last
            if last is None or not last[0].is_news_after(self._seen):
                await self._news.wait()
                continue
            self._seen, message = last
            yield message
            if self._seen.is_end:
                return
