"""The hub without a gateway before it: what it asks of AWS, what it tells, and whom it tells of an end."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway_server.errors import DeadlineNears, Draining, GatewayError, NotFound, UpstreamUnknown
from emrgateway_server.watching import Hub, run

from .scripted_aws import FIGURES

if TYPE_CHECKING:
    from emrgateway_server.call import Call
    from emrgateway_server.watching import Watcher

_PATIENCE_SECONDS = 20.0


class _Aws:
    """`states` by run; `errors` by run are raised; `holding` keeps every call until nobody waits for it.

    `lists_all` is an AWS that does not heed the filter.
    """

    def __init__(self, **states: str) -> None:
        self.states = dict(states)
        self.errors: dict[str, GatewayError] = {}
        self.calls: Counter[str] = Counter()
        self.holding = False
        self.lists_all = False
        self.held = threading.Event()

    def send(self, operation: str, request: dict[str, object], *, call: Call, caller: str) -> dict[str, Any]:
        assert caller == "(watch)"
        self.calls[operation] += 1
        if self.holding:
            self.held.set()
            call.pause(_PATIENCE_SECONDS)
        if operation == "GetJobRun":
            return {"jobRun": self._run(str(request["jobRunId"]))}
        start, states = int(str(request.get("nextToken", "0"))), request["states"]
        assert isinstance(states, list)
        going = sorted(name for name, state in self.states.items() if state in states or self.lists_all)
        page: dict[str, Any] = {"jobRuns": [{**self._run(name), "id": name} for name in going[start : start + 50]]}
        return page | ({"nextToken": str(start + 50)} if start + 50 < len(going) else {})

    def _run(self, name: str) -> dict[str, Any]:
        if name in self.errors:
            raise self.errors[name]
        figures = FIGURES if self.states[name] == "SUCCESS" else {}
        now = dt.datetime.now(dt.UTC)
        return {"jobRunId": name, "state": self.states[name], "createdAt": now, "updatedAt": now, **figures}


class _Told:
    """What one watcher was told."""

    def __init__(self) -> None:
        self.states: list[int] = []
        self.error: GatewayError | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, watcher: Watcher) -> None:
        try:
            async for message in watcher.changes():
                self.states.append(message.job_run.state)
                await self.go.wait()
        except GatewayError as error:
            self.error = error


@asynccontextmanager
async def _watched(hub: Hub, aws: _Aws, *names: str) -> AsyncIterator[list[_Told]]:
    """Watch runs until the block ends."""
    told = [_Told() for _ in names]

    async def watch(name: str, one: _Told) -> None:
        with hub.watching(aws, "target", "app", name, None) as watcher:
            await one.read(watcher)

    tasks = [asyncio.create_task(watch(name, one)) for name, one in zip(names, told, strict=True)]
    try:
        yield told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(is_so: Callable[[], object]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


def _in_a_loop(work: Callable[[Hub], Coroutine[Any, Any, None]], **hub: Any) -> None:  # noqa: ANN401 - the hub's own
    async def main() -> None:
        made = Hub(**hub)
        try:
            await work(made)
        finally:
            made.close(Draining("over"))

    asyncio.run(main())


def test_an_end_is_told_once_to_the_hook() -> None:
    """The hook hears once of a run that ended while it was watched, with its figures; one that fails harms nobody."""
    heard: list[job_run_pb2.JobRun] = []

    def ended(job_run: job_run_pb2.JobRun) -> None:
        heard.append(job_run)
        raise ValueError("broken")

    async def work(hub: Hub) -> None:
        aws = _Aws(seen="RUNNING", over="FAILED")
        async with _watched(hub, aws, "seen", "seen", "over") as told:
            await _until(lambda: all(one.states for one in told))
            aws.states["seen"] = "SUCCESS"
            await _until(lambda: all(len(one.states) == 2 for one in told[:2]))
            await _until(lambda: heard)
        async with _watched(hub, aws, "seen") as told:
            await _until(lambda: told[0].states == [job_run_pb2.JOB_RUN_STATE_SUCCESS])

    _in_a_loop(work, ended=ended)
    assert [(each.job_run_id, each.state) for each in heard] == [("seen", job_run_pb2.JOB_RUN_STATE_SUCCESS)]
    assert heard[0].total_resource_utilization.v_cpu_hour == 1.5


def test_who_comes_back_after_the_end_costs_nothing() -> None:
    """The end of a run that was watched is kept for a moment: AWS is not asked again."""

    async def work(hub: Hub) -> None:
        aws = _Aws(seen="SUCCESS")
        for _ in range(3):
            async with _watched(hub, aws, "seen") as told:
                await _until(lambda told=told: told[0].states)  # type: ignore[misc] # mypy infers no default's type
        assert aws.calls == {"GetJobRun": 1}

    _in_a_loop(work)


def test_who_reads_slowly_misses_states_between() -> None:
    """Nothing is queued for a reader that does not read: it gets the newest state, and never misses the last one."""

    async def work(hub: Hub) -> None:
        aws = _Aws(seen="SUBMITTED")
        async with _watched(hub, aws, "seen", "seen") as (slow, quick):
            slow.go.clear()
            await _until(lambda: slow.states and quick.states)
            for number, state in enumerate(["PENDING", "RUNNING", "SUCCESS"]):
                aws.states["seen"] = state
                await _until(lambda number=number: len(quick.states) == number + 2)  # type: ignore[misc] # as above
            slow.go.set()
            await _until(lambda: len(slow.states) == 2)
            assert slow.states == [job_run_pb2.JOB_RUN_STATE_SUBMITTED, job_run_pb2.JOB_RUN_STATE_SUCCESS]

    _in_a_loop(work)


def test_few_among_many() -> None:
    """Three runs among a thousand are asked for one by one, once it is known how long the list is."""

    async def work(hub: Hub) -> None:
        others = {f"other{number}": "RUNNING" for number in range(1_000)}
        aws = _Aws(**others, seen1="RUNNING", seen2="RUNNING", seen3="RUNNING")
        async with _watched(hub, aws, "seen1", "seen2", "seen3") as told:
            await _until(lambda: all(one.states for one in told))
            assert aws.calls["ListJobRuns"] <= 21
            lists = aws.calls["ListJobRuns"]
            await _until(lambda: aws.calls["GetJobRun"] >= 6)
            assert aws.calls["ListJobRuns"] == lists

    _in_a_loop(work)


def test_an_end_is_believed_of_get_alone() -> None:
    """A list that tells of an end has not its figures: AWS is asked for the run, and then it is told."""

    async def work(hub: Hub) -> None:
        aws = _Aws(seen1="RUNNING", seen2="RUNNING")
        aws.lists_all = True
        ended: list[job_run_pb2.JobRun] = []
        async with _watched(hub, aws, "seen1", "seen2") as told:
            await _until(lambda: all(one.states for one in told))
            aws.states.update(seen1="SUCCESS", seen2="SUCCESS")
            with hub.watching(aws, "target", "app", "seen1", None) as watcher:
                async for message in watcher.changes():
                    ended.append(message.job_run)  # noqa: PERF401 - reads better so
        assert ended[-1].total_resource_utilization.v_cpu_hour == 1.5
        assert aws.calls["ListJobRuns"] >= 1

    _in_a_loop(work)


def test_an_odd_run_among_others() -> None:
    """What AWS cannot tell of one run keeps it from telling of no other."""

    async def work(hub: Hub) -> None:
        aws = _Aws(odd="HIBERNATED", even="HIBERNATED")  # in no list
        aws.errors["odd"] = UpstreamUnknown("odd")
        async with _watched(hub, aws, "odd", "even") as (odd, even):
            await _until(lambda: even.states)
            aws.states["even"] = "SUCCESS"
            await _until(lambda: job_run_pb2.JOB_RUN_STATE_SUCCESS in even.states)
            assert (odd.states, odd.error) == ([], None)

    _in_a_loop(work)


def test_a_run_that_is_gone_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS has not known for long, and not once alone, ends with NOT_FOUND, and with no verdict."""
    monkeypatch.setattr(run, "GONE_SECONDS", 1.0)

    async def work(hub: Hub) -> None:
        aws = _Aws(gone="RUNNING")
        async with _watched(hub, aws, "gone") as (told,):
            await _until(lambda: told.states)
            aws.errors["gone"] = NotFound("gone", resource_type="job run", resource="gone")
            await _until(lambda: told.error)
            assert isinstance(told.error, NotFound)
            assert told.states == [job_run_pb2.JOB_RUN_STATE_RUNNING]
            assert aws.calls["GetJobRun"] >= run.GONE_TIMES

    _in_a_loop(work)


def test_a_call_that_hangs_is_given_up_with_its_watchers() -> None:
    """When the last watcher goes, what waits for AWS is called off."""
    ended = threading.Event()

    class _Held(_Aws):
        def send(self, *arguments: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - passed on
            try:
                return super().send(*arguments, **named)
            except DeadlineNears:
                ended.set()
                raise

    async def work(hub: Hub) -> None:
        aws = _Held(seen="RUNNING")
        aws.holding = True
        async with _watched(hub, aws, "seen"):
            await _until(aws.held.is_set)
            assert not ended.is_set()
            left = time.monotonic()
        await _until(ended.is_set)
        assert time.monotonic() - left < 5

    _in_a_loop(work)
