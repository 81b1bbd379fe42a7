"""Many who watch at one time, in one loop: what each was told."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from emrgateway.v1 import job_run_pb2
from emrgateway_client import AsyncClient

from .scripted_aws import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

_AT_ONCE = 64  # how many open their streams at one time: the gateway has places for so many calls
_PATIENCE_SECONDS = 120.0


class Crowd:
    """Watchers of runs, so many of each; `told` has the states that each was told."""

    def __init__(self, target: str, runs: Sequence[str], each: int, application: str = APPLICATION) -> None:
        self.told: list[tuple[str, list[str]]] = [(run, []) for run in runs for _ in range(each)]
        self._target = target
        self._application = application
        self._opening = asyncio.Semaphore(_AT_ONCE)
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._client = AsyncClient(self._target)
        self._tasks = [asyncio.create_task(self._watch(run, states)) for run, states in self.told]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    async def until_all(self, state: str, runs: Sequence[str] | None = None) -> None:
        """Wait until every watcher, or every one of these runs, was told a state last."""
        wanted = None if runs is None else set(runs)
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self._have(state, wanted)), _PATIENCE_SECONDS)

    async def ended(self) -> None:
        """Wait for the end of all streams; raises where one failed."""
        await asyncio.wait_for(asyncio.gather(*self._tasks), _PATIENCE_SECONDS)

    def counts(self) -> Counter[tuple[str, ...]]:
        """How many were told which states."""
        return Counter(tuple(states) for _, states in self.told)

    def _have(self, state: str, wanted: set[str] | None) -> bool:
        return all(states[-1:] == [state] for run, states in self.told if wanted is None or run in wanted)

    async def _watch(self, run: str, states: list[str]) -> None:
        await self._opening.acquire()
        is_opening = True
        try:
            async for message in self._client.watch_job_run(self._application, run):
                states.append(job_run_pb2.JobRunState.Name(message.job_run.state).removeprefix("JOB_RUN_STATE_"))
                if is_opening:
                    self._opening.release()
                    is_opening = False
                async with self._changed:
                    self._changed.notify_all()
        finally:
            if is_opening:
                self._opening.release()
