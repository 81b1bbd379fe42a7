"""Telemetry's back-end down, refusing or silent: no call fails of it, memory stays bounded, losses are counted."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .faulty_aws import faulty_aws
from .jobs import job
from .test_services import fetched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Serve
    from .gateways import Gateway

_CALLS = 120
_SPANS_A_CALL = 3
_QUEUE = 64


@contextlib.contextmanager
def _refusing() -> Iterator[str]:
    """A collector that answers 400 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(400)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def _silent(*, listens: bool) -> Iterator[str]:
    """One that takes connections and never answers, or that is not there."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        if listens:
            dead.listen(64)
        yield f"http://127.0.0.1:{dead.getsockname()[1]}"


_BACKENDS = {
    "down": lambda: _silent(listens=False),
    "slow": lambda: _silent(listens=True),
    "refusing": _refusing,
}


@pytest.mark.parametrize("name", _BACKENDS)
def test_no_call_hears_of_it(name: str, serve: Serve) -> None:
    """Every call is served, the queue keeps its bound, and what did not arrive is counted."""
    with faulty_aws() as aws, _BACKENDS[name]() as url:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(_QUEUE),
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "32",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        target = {"name": "default", "account": "123456789012", "region": "us-east-1", "endpoint_url": aws.url}
        rates = {"StartJobRun": {"per_second": 1e5, "burst": 1_000}}
        sections = {"metrics": "127.0.0.1:0", "targets": [{**target, "rates": rates}]}
        gateway = serve(aws.url, environment=environment, sections=sections)
        address = gateway.metrics
        gateway.start(job())
        before = _resident_kib(gateway)
        assert all(gateway.start(job()).job_run_id == "00run" for _ in range(_CALLS))
        assert _resident_kib(gateway) - before < 30_000
        dropped = _dropped(address)
        assert (_CALLS + 1) * _SPANS_A_CALL - _QUEUE - 32 * 2 <= dropped <= (_CALLS + 1) * _SPANS_A_CALL
        ended = gateway.stop()
        assert ended.code == 0
        assert len(ended.stderr.splitlines()) < _CALLS


def _dropped(address: str) -> float:
    found = re.search(
        r'^emr_gateway_telemetry_dropped_total\{signal="spans"\} (\S+)$', fetched(address, "/metrics")[2], re.MULTILINE
    )
    assert found
    return float(found[1])


def _resident_kib(gateway: Gateway) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{gateway.pid}/status").read_text(encoding="utf-8"))
    assert found
    return int(found[1])
