"""The spans of a call, as a real collector receives them."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from .faulty_aws import faulty_aws
from .gateways import ALLOW_ALL, CALLER, REGION
from .jobs import job
from .otlp import Collector, attributes, collecting
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_START = "emrgateway.v1.JobRunService/StartJobRun"
_TRACE, _PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
_POLICY = (
    ALLOW_ALL
    + """\
rules:
  - {id: team, field: tags.team, set: data-eng}
  - {id: named, field: name, required: true}
"""
)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    with collecting() as running:
        yield running


def _tree(collector: Collector) -> dict[str, str]:
    """Each span's name, and its parent's; the parent's id where it is no span of ours."""
    names = {span.span_id: span.name for span in collector.spans}
    return {span.name: names.get(span.parent_span_id, span.parent_span_id.hex()) for span in collector.spans}


def test_the_three_spans_of_a_submission(collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """SERVER → policy.evaluate → CLIENT in the caller's trace, with these attributes and no others."""
    gateway = serve(sandbox.url, _POLICY, environment=collector.environment)
    reply = gateway.start(job(name="traced"), metadata=(("traceparent", f"00-{_TRACE}-{_PARENT}-01"),))
    gateway_ended = gateway.stop()
    assert _tree(collector) == {
        _START: _PARENT,
        "policy.evaluate": _START,
        "EMR Serverless/StartJobRun": _START,
    }
    assert {span.trace_id.hex() for span in collector.spans} == {_TRACE}
    server, judged, client = map(collector.named, (_START, "policy.evaluate", "EMR Serverless/StartJobRun"))
    kinds = (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_CLIENT)
    assert (server.kind, judged.kind, client.kind) == kinds
    assert judged.end_time_unix_nano <= client.start_time_unix_nano
    assert attributes(server) == {
        "rpc.system.name": "grpc",
        "rpc.method": _START,
        "rpc.response.status_code": "OK",
        "emrgateway.caller": CALLER,
        "emrgateway.decision_id": json.loads(gateway_ended.stdout.splitlines()[-1])["decision_id"],
    }
    assert attributes(judged) == {
        "emrgateway.policy.digest": reply.decision.policy_digest,
        "emrgateway.policy.allowed": True,
        "emrgateway.policy.changed_by": ["everything/team"],
    }
    sent = attributes(client)
    assert sent.pop("aws.request_id") is not None
    assert sent == {
        "rpc.system.name": "aws-api",
        "rpc.method": "EMR Serverless/StartJobRun",
        "cloud.region": REGION,
        "server.address": "127.0.0.1",
        "server.port": int(sandbox.url.rpartition(":")[2]),
        "emrgateway.try": 1,
        "emrgateway.target": "default",
        "emrgateway.job_run_id": reply.job_run_id,
    }
    assert {span.status.code for span in collector.spans} == {Status.STATUS_CODE_UNSET}
    assert collector.resource["service.name"] == "emr-gateway"
    assert collector.resource["service.version"]


def test_get_without_a_trace_of_the_callers(collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """Without a traceparent, or with one that is none, a call begins its own trace; a get is not judged by policy."""
    gateway = serve(sandbox.url, environment=collector.environment)
    run = gateway.start(job(), metadata=(("traceparent", "nonsense"),)).job_run_id
    gateway.get("00f1qr8s3v6pd409", run)
    gateway.stop()
    get = "emrgateway.v1.JobRunService/GetJobRun"
    assert (_tree(collector)[get], _tree(collector)["EMR Serverless/GetJobRun"]) == ("", get)
    assert attributes(collector.named("EMR Serverless/GetJobRun"))["emrgateway.job_run_id"] == run
    assert collector.named(get).trace_id != collector.named(_START).trace_id


def test_a_trace_that_is_not_sampled(collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """The caller's decision not to sample is kept."""
    gateway = serve(sandbox.url, environment=collector.environment)
    gateway.start(job(), metadata=(("traceparent", f"00-{_TRACE}-{_PARENT}-00"),))
    gateway.stop()
    assert collector.spans == []


def test_refusals(collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """The caller's mistakes and policy's refusals are no errors of the server; nothing is sent, so no CLIENT span."""
    gateway = serve(sandbox.url, _POLICY, environment=collector.environment)
    assert refused(lambda: gateway.start(job())).code == "PERMISSION_DENIED"
    assert refused(lambda: gateway.send(b"\xff")).code == "INVALID_ARGUMENT"
    gateway.stop()
    denied, invalid = (attributes(span) for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER)
    assert denied["rpc.response.status_code"] == "PERMISSION_DENIED"
    assert {"error.type"}.isdisjoint(denied | invalid)
    assert (denied["emrgateway.reason"], invalid["emrgateway.reason"]) == ("POLICY_VIOLATION", "INVALID_REQUEST")
    judged = attributes(collector.named("policy.evaluate"))
    assert judged["emrgateway.policy.allowed"] is False
    assert judged["emrgateway.policy.denied_by"] == ["everything/named"]
    assert {span.status.code for span in collector.spans} == {Status.STATUS_CODE_UNSET}
    assert {span.kind for span in collector.spans} == {Span.SPAN_KIND_SERVER, Span.SPAN_KIND_INTERNAL}


_FAULTS = [
    ({"status": 500, "message": "oops"}, "UNAVAILABLE", "UPSTREAM_UNKNOWN", 3),
    ({"how": "reset"}, "UNAVAILABLE", "UPSTREAM_UNKNOWN", 3),
    ({"status": 400, "message": "no"}, "INVALID_ARGUMENT", "UPSTREAM_VALIDATION", 1),
    ({"status": 402}, "RESOURCE_EXHAUSTED", "UPSTREAM_QUOTA", 1),
]


@pytest.mark.parametrize(("fault", "code", "reason", "tries"), _FAULTS)
def test_faults(
    *, fault: dict[str, object], code: str, reason: str, tries: int, collector: Collector, serve: Serve
) -> None:
    """Each try has its CLIENT span, an error where it failed, and its number; the SERVER's is one by the call's code.

    No span tells an exception.
    """
    with faulty_aws() as aws:
        aws.faults["faulty"] = fault
        gateway = serve(aws.url, environment=collector.environment)
        assert refused(lambda: gateway.start(job(applicationId="faulty"))).code == code
        gateway.stop()
    server = collector.named(_START)
    clients = [span for span in collector.spans if span.name == "EMR Serverless/StartJobRun"]
    assert sorted(attributes(client)["emrgateway.try"] for client in clients) == list(range(1, tries + 1))
    assert {(span.status.code, attributes(span)["error.type"]) for span in clients} == {
        (Status.STATUS_CODE_ERROR, reason)
    }
    # By the conventions UNAVAILABLE is the server's fault; the others are the caller's to mend.
    ours = Status.STATUS_CODE_ERROR if code == "UNAVAILABLE" else Status.STATUS_CODE_UNSET
    assert (server.status.code, attributes(server).get("error.type")) == (ours, code if ours else None)
    assert attributes(server)["emrgateway.reason"] == reason
    assert [event for span in collector.spans for event in span.events] == []
    assert {span.status.message for span in collector.spans} == {""}


@pytest.mark.parametrize("variables", [{}, {"OTEL_TRACES_EXPORTER": "none"}, {"OTEL_SDK_DISABLED": "true"}])
def test_nothing_is_exported_unasked(
    variables: dict[str, str], collector: Collector, sandbox: Sandbox, serve: Serve
) -> None:
    """Without `OTEL_*` there is no exporter; with an endpoint, one variable still switches it off."""
    environment = {**(collector.environment if variables else {}), **variables}
    gateway = serve(sandbox.url, environment=environment)
    gateway.start(job())
    ended = gateway.stop()
    assert collector.bodies == []
    assert "opentelemetry" not in ended.stderr


def test_the_standard_names_are_obeyed(collector: Collector, sandbox: Sandbox, serve: Serve) -> None:
    """The operator's service name, attributes and sampler; a signal's own endpoint is taken as it stands."""
    environment = {
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_SERVICE_NAME": "door",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    gateway = serve(sandbox.url, environment=environment)
    gateway.start(job())
    gateway.stop()
    assert collector.resource["service.name"] == "door"
    assert collector.resource["deployment.environment.name"] == "test"


def test_a_collector_that_is_away(sandbox: Sandbox, serve: Serve) -> None:
    """Jobs start all the same, and the gateway ends as ever."""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    gateway = serve(sandbox.url, environment=environment)
    assert gateway.start(job()).job_run_id
    assert gateway.stop().code == 0


def test_a_console_exporter(sandbox: Sandbox, serve: Serve) -> None:
    """`OTEL_TRACES_EXPORTER=console` prints spans on standard output."""
    gateway = serve(sandbox.url, environment={"OTEL_TRACES_EXPORTER": "console"})
    gateway.start(job())
    assert f'"name": "{_START}"' in gateway.stop().stdout


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("listens", [False, True], ids=["refuses", "says nothing"])
def test_a_dead_collector_does_not_keep_the_process(
    protocol: str, *, listens: bool, sandbox: Sandbox, serve: Serve
) -> None:
    """With spans left that nobody takes, the gateway ends with 0, a moment after SIGTERM."""
    with socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        if listens:
            dead.listen()
        endpoint = f"http://127.0.0.1:{dead.getsockname()[1]}"
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        gateway = serve(sandbox.url, environment=environment)
        gateway.start(job())
        began = time.monotonic()
        assert gateway.stop().code == 0
        assert time.monotonic() - began < 6
