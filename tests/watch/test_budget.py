"""What many watchers cost: calls to AWS by the runs that go on, memory by the streams, and nothing by the hour."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import pytest

from tests.server.load import memory_kib

from .conftest import sections
from .crowds import Crowd

if TYPE_CHECKING:
    from tests.server.conftest import Serve
    from tests.server.gateways import Gateway

    from .scripted_aws import ScriptedAws

PAGE = 50
_QUIET_SECONDS = 4.0
_STREAM_KIB = 100  # bounds what one stream may hold; 35 was measured


async def _followed(aws: ScriptedAws, gateway: Gateway, count: int, each: int, name: str = "00crowd") -> int:
    """Watch runs from RUNNING to their ends, some before the others; what the streams hold, in KiB."""
    runs = [f"{name}{number}" for number in range(count)]
    for run in runs:
        aws.put(run, "RUNNING")
    before = memory_kib(gateway.pid)
    async with Crowd(gateway.target, runs, each) as crowd:
        await crowd.until_all("RUNNING")
        await asyncio.sleep(1)
        held = memory_kib(gateway.pid) - before
        began = len(aws.calls)
        await asyncio.sleep(_QUIET_SECONDS)
        quiet = aws.count(began)
        assert 0 < quiet["ListJobRuns"] <= (_QUIET_SECONDS + 1) * math.ceil(count / PAGE)
        assert quiet["GetJobRun"] == 0
        first, others = runs[: count // 4], runs[count // 4 :]
        began = len(aws.calls)
        for run in first:
            aws.put(run, "FAILED")
        await crowd.until_all("FAILED", first)
        assert aws.count(began)["GetJobRun"] == len(first)
        for run in others:
            aws.put(run, "SUCCESS")
        await crowd.ended()
        assert aws.count(began)["GetJobRun"] == count
        assert crowd.counts() == {
            ("RUNNING", "FAILED"): len(first) * each,
            ("RUNNING", "SUCCESS"): len(others) * each,
        }
    return held


def test_a_few_hundred(aws: ScriptedAws, serve: Serve) -> None:
    """360 watchers of 120 runs: three lists a second at most, one get a run that ended, every end to every watcher."""
    gateway = serve(aws.url, sections=sections(aws))
    asyncio.run(_followed(aws, gateway, 120, 3))


@pytest.mark.soak
def test_two_thousand(aws: ScriptedAws, serve: Serve) -> None:
    """2,000 watchers of 200 runs: as above, in bounded memory, which the next two thousand share."""
    gateway = serve(aws.url, sections=sections(aws))
    held = asyncio.run(_followed(aws, gateway, 200, 10))
    assert held < 2_000 * _STREAM_KIB
    aws.runs.clear()
    again = asyncio.run(_followed(aws, gateway, 200, 10, "00next"))
    assert again < held / 2
