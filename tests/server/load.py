"""Load: calls at a rate, whatever becomes of them, and what each was told."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceStub

from .jobs import job
from .statuses import Refused, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))


@dataclass(frozen=True)
class Answer:
    """One call's: the job run, or what was told; how long it took of its deadline."""

    job_run_id: str
    refused: Refused | None
    seconds: float
    deadline: float

    @property
    def is_ours(self) -> bool:
        """Whether the gateway spoke, and not the transport."""
        return self.refused is None or bool(self.refused.reason)


async def offered(
    target: str, *, per_second: float, count: int, deadline: float, applications: Sequence[str] = ("00f1",)
) -> list[Answer]:
    """Submit so many jobs at a rate that waits for no answer; the applications take turns."""
    async with aio.insecure_channel(target, _OPTIONS) as channel:
        stub = JobRunServiceStub(channel)  # type: ignore[no-untyped-call, unused-ignore] # the stubs know both kinds
        began = time.monotonic()
        calls = []
        for number, application in zip(range(count), itertools.cycle(applications), strict=False):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            calls.append(asyncio.create_task(_asked(stub, application, deadline)))
        return await asyncio.gather(*calls)


async def health(target: str, until: asyncio.Event) -> list[float]:
    """Ask for health ten times a second; how long each answer took. Fails where it is not SERVING."""
    seconds = []
    async with aio.insecure_channel(target, _OPTIONS) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        while not until.is_set():
            began = time.monotonic()
            reply = await stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
            seconds.append(time.monotonic() - began)
            await asyncio.sleep(0.1)
    return seconds


async def loaded(
    target: str, *, per_second: float, count: int, deadline: float, applications: Sequence[str] = ("00f1",)
) -> tuple[list[Answer], list[float]]:
    """`offered` and `health` beside each other."""
    done = asyncio.Event()
    probing = asyncio.create_task(health(target, done))
    try:
        answers = await offered(
            target, per_second=per_second, count=count, deadline=deadline, applications=applications
        )
    finally:
        done.set()
    return answers, await probing


async def _asked(stub: JobRunServiceStub, application: str, deadline: float) -> Answer:
    began = time.monotonic()
    try:
        reply = await stub.StartJobRun(job(applicationId=application), timeout=deadline)  # type: ignore[misc, unused-ignore] # as above
    except grpc.RpcError as error:
        return Answer("", read(error), time.monotonic() - began, deadline)  # type: ignore[arg-type] # aio's has the same
    return Answer(reply.job_run_id, None, time.monotonic() - began, deadline)


def memory_kib(pid: int) -> int:
    """What a process holds."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that a share of the others does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def told(answers: Sequence[Answer]) -> Iterator[str]:
    """What the calls came to, counted by reason."""
    counts: dict[str, int] = {}
    for answer in answers:
        name = "started" if answer.refused is None else answer.refused.reason or f"transport {answer.refused.code}"
        counts[name] = counts.get(name, 0) + 1
    return (f"{name} {count}" for name, count in sorted(counts.items()))
