"""Limits: places, deadlines, message sizes; health is never among what is limited."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ACCOUNT, PATIENCE_SECONDS, REGION
from .jobs import job
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_PLACES = 3


@pytest.fixture
def aws() -> Iterator[FaultyAws]:
    """An AWS that holds its answers to application `slow` until it is released."""
    with faulty_aws() as running:
        running.faults["slow"] = {"how": "hang"}
        yield running


def test_no_place_free(aws: FaultyAws, serve: Serve) -> None:
    """With all places taken: THROTTLED with RetryInfo and pushback, while health answers; freed places serve again."""
    gateway = serve(aws.url, sections={"limits": {"max_in_flight": _PLACES, "drain_pause_seconds": 0}})
    with ThreadPoolExecutor(_PLACES) as callers:
        held = [callers.submit(gateway.start, job(applicationId="slow")) for _ in range(_PLACES)]
        for _ in held:
            assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
        told = refused(lambda: gateway.start(job(applicationId="other")))
        assert (told.code, told.reason, told.outcome) == ("RESOURCE_EXHAUSTED", "THROTTLED", "not_started")
        assert told.pushback is not None
        assert told.pushback > 0
        assert told.details["RetryInfo"].retry_delay.ToMilliseconds() == told.pushback
        assert refused(lambda: gateway.get("other", "run")).reason == "THROTTLED"
        assert gateway.is_serving()
        assert gateway.is_serving("emrgateway.v1.JobRunService")
        assert "other" not in aws.seen
        aws.released.set()
        assert {call.result(PATIENCE_SECONDS).job_run_id for call in held} == {"00run"}
    assert gateway.start(job(applicationId="other")).job_run_id == "00run"


def test_a_refused_call_gives_its_place_back(sandbox: Sandbox, serve: Serve) -> None:
    """One place, and many calls that fail in many ways: the last one is served."""
    gateway = serve(sandbox.url, sections={"limits": {"max_in_flight": 1, "drain_pause_seconds": 0}})
    for data in (b"", b"\xff", b"x" * 600_000):
        assert refused(lambda data=data: gateway.send(data)).reason == "INVALID_REQUEST"  # type: ignore[misc] # a default argument
        assert refused(lambda: gateway.get("00f", "00nosuchrun")).reason == "NOT_FOUND"
    assert gateway.start(job()).job_run_id


def test_a_deadline_shorter_than_the_margin(sandbox: Sandbox, serve: Serve) -> None:
    """No time to answer in: nothing is sent, and the caller hears that."""
    margin = {"reply_margin_seconds": 100, "max_deadline_seconds": 200, "drain_pause_seconds": 0}
    gateway = serve(sandbox.url, sections={"limits": margin})
    before = len(sandbox.job_runs())
    told = refused(lambda: gateway.start(job(), timeout=50))
    assert (told.code, told.reason, told.outcome) == ("DEADLINE_EXCEEDED", "DEADLINE", "not_started")
    assert len(sandbox.job_runs()) == before
    assert gateway.start(job(), timeout=150).job_run_id


@pytest.mark.parametrize("timeout", [None, 10_000])
def test_the_longest_deadline(timeout: float | None, aws: FaultyAws, serve: Serve) -> None:
    """Where the caller gives no deadline, or one far away, `max_deadline_seconds` is it."""
    limits = {"max_deadline_seconds": 0.6, "reply_margin_seconds": 0.1, "drain_pause_seconds": 0}
    gateway = serve(aws.url, sections={"limits": limits})
    told = refused(lambda: gateway.start(job(applicationId="slow"), timeout=timeout))
    assert (told.code, told.reason, told.outcome) == ("DEADLINE_EXCEEDED", "DEADLINE", "unknown")


def test_the_size_of_a_message_is_configured(sandbox: Sandbox, serve: Serve) -> None:
    """`max_message_bytes` counts the bytes that came: one more than it is too many."""
    gateway = serve(sandbox.url, sections={"limits": {"max_message_bytes": 1024, "drain_pause_seconds": 0}})

    def sized(size: int) -> bytes:
        request = job(executionIamPolicy={"policy": "x"})
        request.execution_iam_policy.policy = "x" * (size - request.ByteSize() - 1)  # 1: the length takes two bytes
        request.execution_iam_policy.policy = "x" * (
            len(request.execution_iam_policy.policy) + size - request.ByteSize()
        )
        assert request.ByteSize() == size
        return request.SerializeToString()

    assert gateway.send(sized(1024))
    told = refused(lambda: gateway.send(sized(1025)))
    assert (told.reason, told.fields) == ("INVALID_REQUEST", ["request"])
    assert "1,024" in told.message


def test_a_caller_who_leaves_while_waiting_for_a_turn(aws: FaultyAws, serve: Serve) -> None:
    """A call cancelled before it was sent is never sent; the next in line has its turn."""
    rates = {"StartJobRun": {"per_second": 1, "burst": 1}}
    targets = [{"name": "a", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url, "rates": rates}]
    gateway = serve(aws.url, sections={"targets": targets})
    gateway.start(job(applicationId="first"))
    gone = gateway.jobs.StartJobRun.future(job(applicationId="gone"), timeout=PATIENCE_SECONDS)
    time.sleep(0.1)
    next_one = gateway.jobs.StartJobRun.future(job(applicationId="next"), timeout=PATIENCE_SECONDS)
    gone.cancel()
    assert next_one.result(PATIENCE_SECONDS).job_run_id == "00run"
    assert set(aws.seen) == {"first", "next"}
