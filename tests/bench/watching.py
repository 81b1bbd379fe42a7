"""2,000 watchers of 200 job runs on one process: calls to AWS, memory, and what a StartJobRun beside them takes."""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from grpc import aio

from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceStub
from tests.server.gateways import configuration, serving
from tests.server.jobs import job
from tests.server.load import memory_kib
from tests.watch.conftest import sections
from tests.watch.crowds import Crowd
from tests.watch.scripted_aws import ScriptedAws, scripted_aws

if TYPE_CHECKING:
    from tests.server.gateways import Gateway

RUNS, EACH = 200, 10
PAGE = 50
QUIET_SECONDS = 20
PAIRS, STARTS = 7, 100
_ELSEWHERE = "00f1elsewhere"


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder, scripted_aws() as aws:
        settings = configuration(aws.url, **sections(aws))
        with (
            serving(Path(folder, "watched"), settings, log_level="WARNING") as watched,
            serving(Path(folder, "alone"), settings, log_level="WARNING") as alone,
        ):
            asyncio.run(_measured(aws, watched, alone))


async def _measured(aws: ScriptedAws, watched: Gateway, alone: Gateway) -> None:
    runs = [f"00bench{number}" for number in range(RUNS)]
    for run in runs:
        aws.put(run, "RUNNING")
    before = memory_kib(watched.pid)
    began = time.monotonic()
    async with Crowd(watched.target, runs, EACH) as crowd:
        await crowd.until_all("RUNNING")
        opened = time.monotonic() - began
        print(f"watching: {RUNS * EACH} watchers of {RUNS} runs on one process, all told a state in {opened:.0f} s")
        await _calls(aws)
        held = memory_kib(watched.pid) - before
        print(f"  memory {before // 1024} -> {(before + held) // 1024} MiB: {held / RUNS / EACH:.0f} KiB a stream")
        await _beside(watched, alone)
        await _ends(aws, crowd, runs)


async def _calls(aws: ScriptedAws) -> None:
    first = len(aws.calls)
    await asyncio.sleep(QUIET_SECONDS)
    calls = aws.calls[first:]
    counted = Counter(operation for _, operation, _ in calls)
    looks = 1 + sum(later - earlier > 0.3 for (earlier, *_), (later, *_) in pairwise(calls))
    print(
        f"  {QUIET_SECONDS} s in which nothing changes: {looks} looks, {counted['ListJobRuns'] / looks:.2f} lists"
        f" a look (at most {math.ceil(RUNS / PAGE)}), {counted['GetJobRun']} gets"
    )


async def _beside(watched: Gateway, alone: Gateway) -> None:
    ratios, both = [], []
    for number in range(PAIRS + 1):
        order = (watched, alone) if number % 2 else (alone, watched)
        taken = {gateway.pid: await _p50(gateway) for gateway in order}
        if number:  # the first pair warms up
            ratios.append(taken[watched.pid] / taken[alone.pid])
            both.append((taken[alone.pid] * 1000, taken[watched.pid] * 1000))
    p50s = ", ".join(f"{without:.1f}/{beside:.1f}" for without, beside in both)
    print(f"  StartJobRun's p50 in ms, without/beside the watchers: {p50s}")
    print(f"  median ratio of {PAIRS} pairs {median(ratios):.2f} (at most 1.3)")


async def _p50(gateway: Gateway) -> float:
    seconds = []
    async with aio.insecure_channel(gateway.target, (("grpc.enable_retries", 0),)) as channel:
        stub: Any = JobRunServiceStub(channel)  # type: ignore[no-untyped-call, unused-ignore] # the stubs know both kinds
        for _ in range(STARTS):
            request = job(applicationId=_ELSEWHERE)
            began = time.perf_counter()
            await stub.StartJobRun(request, timeout=30)
            seconds.append(time.perf_counter() - began)
    return median(seconds)


async def _ends(aws: ScriptedAws, crowd: Crowd, runs: list[str]) -> None:
    first, began = len(aws.calls), time.monotonic()
    for run in runs:
        aws.put(run, "SUCCESS")
    await crowd.ended()
    gets = Counter(operation for _, operation, _ in aws.calls[first:])["GetJobRun"]
    told = crowd.counts()[("RUNNING", "SUCCESS")]
    print(
        f"  all runs end at once: {told} of {RUNS * EACH} watchers told of it in {time.monotonic() - began:.1f} s,"
        f" {gets} gets for {RUNS} runs"
    )


if __name__ == "__main__":
    main()
