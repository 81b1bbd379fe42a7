"""The end: SIGTERM or SIGINT, NOT_SERVING, the calls in flight finish, exit 0; and one server a port."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from grpc_health.v1 import health_pb2

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ACCOUNT, ALLOW_ALL, PATIENCE_SECONDS, REGION, configuration, refused_to_start, written
from .jobs import job
from .rawhttp2 import deaf
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


@pytest.mark.parametrize("service", ["", "emrgateway.v1.JobRunService"])
def test_a_watcher_of_health_who_reads_nothing(service: str, aws: FaultyAws, serve: Serve) -> None:
    """It needs no identity, and so keeps nobody else from hearing how the server is, nor the server from ending."""
    gateway = serve(aws.url, sections={"limits": {"drain_pause_seconds": 0.5}})
    asked = health_pb2.HealthCheckRequest(service=service)
    with deaf(gateway.target, "/grpc.health.v1.Health/Watch", asked.SerializeToString()):
        time.sleep(0.3)  # until it is served
        health = gateway.health.Watch(asked, timeout=_PAUSE_SECONDS)
        assert next(health).status == health_pb2.HealthCheckResponse.SERVING
        gateway.signal(signal.SIGTERM)
        assert next(health).status == health_pb2.HealthCheckResponse.NOT_SERVING
        health.cancel()
        assert gateway.wait().code == 0


def test_calls_that_outlive_the_drain(aws: FaultyAws, serve: Serve) -> None:
    """`drain_seconds` bounds it: each is answered in our words by what was sent for it, and the process ends with 0."""
    slow = {"per_second": 0.001, "burst": 1}
    target = {"name": "a", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url}
    sections = {
        "limits": {"drain_pause_seconds": 0, "drain_seconds": 0.5, "max_deadline_seconds": 10_000},
        "targets": [{**target, "rates": {"StartJobRun": slow}}],
    }
    gateway = serve(aws.url, sections=sections)
    with ThreadPoolExecutor(2) as callers:
        sent = callers.submit(refused, lambda: gateway.start(job(applicationId="slow"), timeout=5_000))
        assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
        waiting = callers.submit(refused, lambda: gateway.start(job(applicationId="waits"), timeout=5_000))
        time.sleep(0.2)  # until it waits for its turn, which comes in a quarter of an hour
        assert not waiting.done()
        gateway.signal(signal.SIGTERM)
        told = sent.result(PATIENCE_SECONDS)
        assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "UPSTREAM_UNKNOWN", "unknown")
        told = waiting.result(PATIENCE_SECONDS)
        assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "DRAINING", "not_started")
    assert gateway.wait().code == 0
    assert "waits" not in aws.seen


def test_new_calls_after_the_pause(aws: FaultyAws, serve: Serve) -> None:
    """While one in flight is waited for, new calls hear that nothing was started; health and liveness still answer.

    A second SIGTERM hurries nothing.
    """
    gateway = serve(aws.url, sections={"metrics": "127.0.0.1:0", "limits": {"drain_pause_seconds": 0}})
    probes = gateway.metrics
    with ThreadPoolExecutor(1) as caller:
        held = caller.submit(gateway.start, job(applicationId="slow"))
        assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
        gateway.signal(signal.SIGTERM)
        while gateway.is_serving():
            time.sleep(0.01)
        time.sleep(0.2)  # the pause of no seconds
        gateway.signal(signal.SIGTERM)
        for call in (lambda: gateway.start(job(applicationId="new")), lambda: gateway.get("new", "00run")):
            told = refused(call)
            assert (told.code, told.reason) == ("UNAVAILABLE", "DRAINING")
        assert refused(lambda: gateway.start(job(applicationId="new"))).outcome == "not_started"
        assert fetched(probes, "/livez")[0] == 200
        assert not held.done()
        aws.released.set()
        assert held.result(PATIENCE_SECONDS).job_run_id == "00run"
    assert gateway.wait().code == 0
    assert "new" not in aws.seen


def test_neither_health_nor_liveness_asks_aws(serve: Serve) -> None:
    """Without credentials and with an endpoint that nobody listens on, the gateway serves and says so."""
    gateway = serve(
        "http://127.0.0.1:1",
        sections={"metrics": "127.0.0.1:0"},
        environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    )
    assert fetched(gateway.metrics, "/livez")[0] == 200
    assert gateway.is_serving()
    told = refused(lambda: gateway.start(job()))
    assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "UPSTREAM_UNREACHABLE", "not_started")
    assert gateway.is_serving()


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
