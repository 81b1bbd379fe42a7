"""What the way to AWS does under pressure: overload, one caller's flood, faults before deadlines. `make bench`."""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import asyncio
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emrgateway_server.call import Call
from emrgateway_server.emr import Rate, Target, Traffic
from emrgateway_server.errors import GatewayError
from tests.server.direct import start
from tests.server.faulty_aws import faulty_aws
from tests.server.gateways import ACCOUNT, REGION, Gateway, configuration, serving
from tests.server.limited_aws import limited_aws
from tests.server.load import loaded, memory_kib, offered, percentile, threads, told

UPSTREAM = 50
OFFERED = 200
SECONDS = 20
FAULTS: dict[str, dict[str, Any]] = {
    "sound": {},
    "error": {"status": 500},
    "reset": {"how": "reset"},
    "truncated": {"how": "truncated"},
    "empty": {"status": 200, "body": "{}"},
    "hang": {"how": "hang"},
    "drip": {"how": "drip"},
}


def main() -> None:
    """Print the figures."""
    for configured in (UPSTREAM, OFFERED):
        overload(configured)
    fairness()
    deadlines()


def _gateway(folder: str, url: str, per_second: float, **limits: object) -> Any:  # noqa: ANN401 - a context manager
    rate = {"per_second": per_second, "burst": per_second}
    target = {"name": "a", "account": ACCOUNT, "region": REGION, "endpoint_url": url, "rates": {"StartJobRun": rate}}
    settings = configuration(url, targets=[target], limits={"drain_pause_seconds": 0, **limits})
    return serving(Path(folder), settings, log_level="WARNING")


def overload(configured: float) -> None:
    """Four times what AWS takes; `configured` is what the gateway is told that it takes."""
    with (
        tempfile.TemporaryDirectory() as folder,
        limited_aws(UPSTREAM, UPSTREAM) as aws,
        _gateway(folder, aws.url, configured) as gateway,
    ):
        asyncio.run(offered(gateway.target, per_second=OFFERED, count=OFFERED, deadline=5))  # the bursts are spent
        before, first = memory_kib(gateway.pid), len(aws.started)
        began = time.monotonic()
        answers, health = asyncio.run(loaded(gateway.target, per_second=OFFERED, count=OFFERED * SECONDS, deadline=5))
        seconds = time.monotonic() - began
        good = len(aws.started) - first
        after, count = memory_kib(gateway.pid), threads(gateway.pid)
    refused = [answer.refused for answer in answers if answer.refused is not None]
    pushed = sum(error.pushback is not None for error in refused)
    print(f"overload: AWS {UPSTREAM}/s, configured {configured}/s, offered {OFFERED}/s for {SECONDS} s")
    print(
        f"  goodput {good / seconds:.1f}/s ({good / seconds / UPSTREAM:.0%} of AWS's), throttled {len(aws.throttled)}"
    )
    print(f"  answers: {', '.join(told(answers))}; refusals with pushback {pushed} of {len(refused)}")
    print(f"  health p99 {percentile(health, 0.99) * 1000:.0f} ms of {len(health)} answers")
    print(f"  memory {before // 1024} -> {after // 1024} MiB, threads {count}")


def fairness() -> None:
    """Nine callers submit one job a second, alone and then beside one that floods."""
    alone, beside = _waits(flood=False), _waits(flood=True)
    print("fairness: AWS 50/s, nine callers one job a second each, beside one with 400/s")
    for name, waits in (("alone", alone), ("beside the flood", beside)):
        print(f"  {name:17} p50 {percentile(waits, 0.5) * 1000:.0f} ms, p99 {percentile(waits, 0.99) * 1000:.0f} ms")


def _waits(*, flood: bool) -> list[float]:
    waits: list[float] = []
    with limited_aws(UPSTREAM, UPSTREAM) as aws, ThreadPoolExecutor(400) as callers:
        traffic = Traffic(replicas=1, most_waiting=256, most_at_once=192)
        rates = {"StartJobRun": Rate(UPSTREAM, 1)}
        target = Target(
            name="bench",
            account=ACCOUNT,
            region=REGION,
            endpoint_url=aws.url,
            applications=["**"],
            version="bench",
            traffic=traffic,
            rates=rates,
        )

        def submit(caller: str, *, counted: bool) -> None:
            began = time.monotonic()
            try:
                target.send("StartJobRun", start("00f1"), call=Call(8), caller=caller)
            except GatewayError:
                time.sleep(0.2)  # a client that heeds no pushback, but is no endless loop
            if counted:
                waits.append(time.monotonic() - began)

        done = threading.Event()

        def flooding() -> None:
            while not done.is_set():
                submit("flood", counted=False)

        floods = [callers.submit(flooding) for _ in range(300 if flood else 0)]
        time.sleep(2)
        calls = []
        for _ in range(SECONDS):
            for number in range(9):
                calls.append(callers.submit(submit, f"quiet-{number}", counted=True))
                time.sleep(1 / 9)
        for call in calls:
            call.result(30)
        done.set()
        for call in floods:
            call.result(30)
        target.close()
        traffic.close()
    return waits


def deadlines() -> None:
    """2,000 calls with deadlines of 1 to 3 s against an AWS that fails in six ways."""
    with tempfile.TemporaryDirectory() as folder, faulty_aws() as aws, _gateway(folder, aws.url, 1_000) as gateway:
        aws.faults.update(FAULTS)
        answers = asyncio.run(_faulted(gateway))
        aws.released.set()
    ours = sum(answer.is_ours for answer in answers)
    print("deadlines: 2,000 calls of 1 to 3 s under faults")
    print(f"  {ours / len(answers):.2%} carry ErrorInfo or a job; {', '.join(told(answers))}")


async def _faulted(gateway: Gateway) -> list[Any]:
    found = []
    for _ in range(10):
        deadline = random.uniform(1, 3)  # noqa: S311 - no secret
        found += await offered(gateway.target, per_second=50, count=200, deadline=deadline, applications=list(FAULTS))
    return found


if __name__ == "__main__":
    main()
