"""Spans and metrics as a receiver of others' making has them, over both protocols: `make otlp` sets it up."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.server.faulty_aws import faulty_aws
from tests.server.gateways import ACCOUNT, ALLOW_ALL, CALLER, REGION
from tests.server.jobs import job

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.conftest import Serve

HERE = Path(__file__).parent
_START = "emrgateway.v1.JobRunService/StartJobRun"
_SEND = "EMR Serverless/StartJobRun"
_TRACE, _PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_RULES = "rules:\n  - {id: team, field: tags.team, set: data-eng}\n"

pytestmark = pytest.mark.skipif(
    not (HERE / "node_modules" / ".installed").exists(), reason="make otlp sets the receiver up"
)


class Receiver:
    """One that runs, and what it has told so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()
        self.urls = self._next("listening")

    def environment(self, protocol: str) -> dict[str, str]:
        """The variables that make a gateway export to it."""
        url = self.urls["grpc" if protocol == "grpc" else "http"]
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}

    def spans(self, servers: int) -> list[dict[str, Any]]:
        """All spans, each with its resource, once so many SERVER spans are there: they end last."""
        found: list[dict[str, Any]] = []
        while sum(span["kind"] == "SPAN_KIND_SERVER" for span in found) < servers:
            for resource in self._next("trace")["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    found += [{**span, "resource": resource["resource"]} for span in scope["spans"]]
        return found

    def metrics(self) -> set[str]:
        """The names of the metrics in the next export."""
        received = self._next("metrics")["resourceMetrics"]
        return {each["name"] for one in received for scope in one["scopeMetrics"] for each in scope["metrics"]}

    def _next(self, kind: str) -> dict[str, Any]:
        while True:
            found, _, text = self._lines.get(timeout=30).partition(" ")
            if found == kind:
                return cast("dict[str, Any]", json.loads(text))

    def _read(self) -> None:
        for line in cast("Any", self._process.stdout):
            self._lines.put(line)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver on loopback."""
    node = os.environ.get("NODE") or shutil.which("node")
    assert node
    process = subprocess.Popen(
        [node, "receiver.cjs"], cwd=HERE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait, 10)
        # Where Node comes as a wheel, `node` is a script that starts the real one.
        stack.callback(os.killpg, process.pid, signal.SIGKILL)
        yield Receiver(process)
    cast("Any", process.stdout).close()


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_span_by_span(protocol: str, receiver: Receiver, serve: Serve) -> None:
    """Two submissions at once with room for one: SERVER, judgement, a wait, a try that fails and one that does not."""
    target = {"name": "default", "account": ACCOUNT, "region": REGION}
    rates = {"StartJobRun": {"per_second": 4, "burst": 1}}
    with faulty_aws() as aws, ThreadPoolExecutor(2) as callers:
        aws.faults["mended"] = [{"status": 500}, {}]
        sections = {"targets": [{**target, "endpoint_url": aws.url, "rates": rates}]}
        gateway = serve(aws.url, ALLOW_ALL + _RULES, environment=receiver.environment(protocol), sections=sections)
        metadata = (("traceparent", f"00-{_TRACE}-{_PARENT}-01"),)
        list(callers.map(lambda name: gateway.start(job(applicationId=name), metadata=metadata), ["mended", "plain"]))
        gateway.stop()
    spans = receiver.spans(2)
    names = Counter(span["name"] for span in spans)
    assert names.pop("throttle.wait") in (1, 2)  # of one call, and of the second try
    assert names == {_START: 2, "policy.evaluate": 2, _SEND: 3}
    assert {span["traceId"] for span in spans} == {_TRACE}
    by_id = {span["spanId"]: span for span in spans}
    for span in spans:
        parent = by_id.get(span["parentSpanId"])
        assert parent is None if span["name"] == _START else parent is not None and parent["name"] == _START
        assert (span["parentSpanId"] == _PARENT) == (span["name"] == _START)
        assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"])
        assert span["resource"]["attributes"]["service.name"] == "emr-gateway"
        _CHECKS[span["name"]](span)
    tries = [int(span["attributes"]["emrgateway.try"]) for span in spans if span["name"] == _SEND]
    assert sorted(tries) == [1, 1, 2]


def test_metrics_too(receiver: Receiver, serve: Serve) -> None:
    """With `OTEL_METRICS_EXPORTER=otlp` a collector has what Prometheus has."""
    environment = {**receiver.environment("http/protobuf"), "OTEL_METRICS_EXPORTER": "otlp"}
    with faulty_aws() as aws:
        gateway = serve(aws.url, environment=environment)
        gateway.start(job())
        gateway.stop()
    assert receiver.metrics() >= {
        "rpc.server.call.duration",
        "rpc.client.call.duration",
        "emr_gateway.submissions",
        "emr_gateway.ledger.lookups",
        "emr_gateway.throttle.queue_length",
        "emr_gateway.audit.lost",
    }


def _server(span: dict[str, Any]) -> None:
    attributes = span["attributes"]
    assert span["kind"] == "SPAN_KIND_SERVER"
    assert span["status"].get("code", "STATUS_CODE_UNSET") == "STATUS_CODE_UNSET"
    assert (attributes["rpc.system.name"], attributes["rpc.method"]) == ("grpc", _START)
    assert (attributes["rpc.response.status_code"], attributes["emrgateway.caller"]) == ("OK", CALLER)
    assert attributes["emrgateway.decision_id"]


def _judgement(span: dict[str, Any]) -> None:
    assert span["kind"] == "SPAN_KIND_INTERNAL"
    assert span["attributes"]["emrgateway.policy.allowed"] is True
    assert span["attributes"]["emrgateway.policy.changed_by"] == ["everything/team"]


def _wait(span: dict[str, Any]) -> None:
    assert span["kind"] == "SPAN_KIND_INTERNAL"
    assert span["attributes"] == {"emrgateway.operation": "StartJobRun", "emrgateway.target": "default"}
    assert int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"]) > 10_000_000


def _try(span: dict[str, Any]) -> None:
    attributes = span["attributes"]
    assert span["kind"] == "SPAN_KIND_CLIENT"
    assert (attributes["rpc.system.name"], attributes["rpc.method"]) == ("aws-api", _SEND)
    assert (attributes["server.address"], attributes["cloud.region"]) == ("127.0.0.1", REGION)
    assert int(attributes["server.port"]) > 0
    (link,) = span["links"]
    assert link["traceId"] != _TRACE
    if "error.type" in attributes:
        assert (attributes["error.type"], span["status"]["code"]) == ("UPSTREAM_UNKNOWN", "STATUS_CODE_ERROR")
    else:
        assert attributes["emrgateway.job_run_id"] == "00run"


_CHECKS = {_START: _server, "policy.evaluate": _judgement, "throttle.wait": _wait, _SEND: _try}
