"""The end: SIGTERM or SIGINT, NOT_SERVING, the calls in flight finish, exit 0; and one server a port."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from grpc_health.v1 import health_pb2

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ALLOW_ALL, PATIENCE_SECONDS, configuration, refused_to_start, written
from .jobs import job
from .statuses import refused
from .test_services import fetched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_PAUSE_SECONDS = 2.0


@pytest.fixture
def aws() -> Iterator[FaultyAws]:
    """An AWS that holds its answers to application `slow` until it is released."""
    with faulty_aws() as running:
        running.faults["slow"] = {"how": "hang"}
        yield running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_in_flight_finishes(number: signal.Signals, aws: FaultyAws, serve: Serve) -> None:
    """Health and readiness turn first, then calls are still served for the pause, and what is in flight ends OK."""
    sections = {"metrics": "127.0.0.1:0", "limits": {"drain_pause_seconds": _PAUSE_SECONDS}}
    gateway = serve(aws.url, sections=sections)
    probes = gateway.metrics
    health = gateway.health.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS)
    assert next(health).status == health_pb2.HealthCheckResponse.SERVING
    with ThreadPoolExecutor(1) as caller:
        held = caller.submit(gateway.start, job(applicationId="slow"))
        assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
        gateway.signal(number)
        assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
        health.cancel()
        assert fetched(probes, "/readyz")[0] == 503
        assert fetched(probes, "/livez")[0] == 200
        assert gateway.start(job(applicationId="quick")).job_run_id == "00run"
        assert not held.done()
        aws.released.set()
        assert held.result(PATIENCE_SECONDS).job_run_id == "00run"
    ended = gateway.wait()
    assert ended.code == 0
    assert "draining" in ended.stderr


def test_a_call_that_outlives_the_drain(aws: FaultyAws, serve: Serve) -> None:
    """`drain_seconds` bounds it: the process ends with 0 though AWS has not answered."""
    gateway = serve(aws.url, sections={"limits": {"drain_pause_seconds": 0, "drain_seconds": 0.1}})
    with ThreadPoolExecutor(1) as caller:
        held = caller.submit(refused, lambda: gateway.start(job(applicationId="slow")))
        assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
        gateway.signal(signal.SIGTERM)
        assert gateway.wait().code == 0
        assert held.result(PATIENCE_SECONDS).code in ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")


def test_one_server_a_port(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """A second gateway on the port says so and exits 2; the first one serves on."""
    gateway = serve(sandbox.url)
    file = written(tmp_path / "second", configuration(sandbox.url, listen=gateway.target), ALLOW_ALL)
    ended = refused_to_start(file)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"gateway.yaml:1:12: error: cannot listen on {gateway.target}" in ended.stderr
    assert gateway.is_serving()


def test_one_server_an_http_port(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """As above, for the port of the probes."""
    gateway = serve(sandbox.url, sections={"metrics": "127.0.0.1:0"})
    probes = gateway.metrics
    file = written(tmp_path / "second", configuration(sandbox.url, metrics=probes), ALLOW_ALL)
    ended = refused_to_start(file)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"gateway.yaml:1:38: error: cannot listen on {probes}" in ended.stderr
