"""What Prometheus is told of calls: each counted once, where it belongs, with labels from bounded sets."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from .faulty_aws import faulty_aws
from .gateways import ACCOUNT, ALLOW_ALL, PATIENCE_SECONDS, REGION
from .jobs import APPLICATION, body, job, message
from .statuses import refused
from .test_services import fetched

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_METRICS: dict[str, Any] = {"metrics": "127.0.0.1:0"}
_RULES = "rules:\n  - {id: named, field: name, required: true}\n"


def _samples(address: str, name: str) -> dict[str, float]:
    """Labels → value of every sample of a metric, whose text is the labels in order."""
    text = fetched(address, "/metrics")[2]
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return {labels.replace('"', ""): float(value) for labels, value in found}


def test_submissions_by_what_came_of_them(serve: Serve, sandbox: Sandbox) -> None:
    """Started, recalled, validated, refused, invalid: each call once; the ledger's hits and misses beside them."""
    gateway = serve(sandbox.url, ALLOW_ALL + _RULES, sections=_METRICS)
    address = gateway.metrics
    first = job(name="a")
    gateway.start(first)
    gateway.start(first)
    gateway.start(job(name="b", validate_only=True))
    refused(lambda: gateway.start(job()))
    refused(lambda: gateway.send(b"\xff"))
    refused(lambda: gateway.start(message(body(name="c", clientToken=first.client_token))))
    assert _samples(address, "emr_gateway_submissions_total") == {
        "outcome=started,reason=": 1,
        "outcome=recalled,reason=": 1,
        "outcome=validated,reason=": 1,
        "outcome=not_started,reason=POLICY_VIOLATION": 1,
        "outcome=not_started,reason=INVALID_REQUEST": 1,
        "outcome=not_started,reason=CLIENT_TOKEN_REUSED": 1,
    }
    lookups = _samples(address, "emr_gateway_ledger_lookups_total")
    assert (lookups["result=hit"], lookups["result=miss"]) == (1, 2)


def test_calls_and_tries(serve: Serve) -> None:
    """A call by method and code; a try toward AWS by operation, target and reason: as many as AWS received."""
    with faulty_aws() as aws:
        aws.faults["faulty"] = {"status": 500}
        gateway = serve(aws.url, sections=_METRICS)
        address = gateway.metrics
        gateway.start(job())
        assert refused(lambda: gateway.start(job(applicationId="faulty"))).outcome == "unknown"
        refused(lambda: gateway.get(APPLICATION, "!"))
        assert len(aws.seen["faulty"]) == 3
    calls = _samples(address, "rpc_server_call_duration_seconds_count")
    service = "emrgateway.v1.JobRunService"
    assert calls == {
        f"rpc_method={service}/StartJobRun,rpc_response_status_code=OK,rpc_system_name=grpc": 1,
        f"rpc_method={service}/StartJobRun,rpc_response_status_code=UNAVAILABLE,rpc_system_name=grpc": 1,
        f"rpc_method={service}/GetJobRun,rpc_response_status_code=INVALID_ARGUMENT,rpc_system_name=grpc": 1,
    }
    tries = _samples(address, "rpc_client_call_duration_seconds_count")
    rest = "rpc_method=EMR Serverless/StartJobRun,rpc_system_name=aws-api"
    assert tries == {
        f"emrgateway_target=default,error_type=,{rest}": 1,
        f"emrgateway_target=default,error_type=UPSTREAM_UNKNOWN,{rest}": 3,
    }
    assert _samples(address, "emr_gateway_submissions_total")["outcome=unknown,reason=UPSTREAM_UNKNOWN"] == 1


def test_a_method_that_is_not_there_is_no_label(serve: Serve, sandbox: Sandbox) -> None:
    """Whatever methods strangers make up, no series comes of them."""
    gateway = serve(sandbox.url, sections=_METRICS)
    address = gateway.metrics
    for number in range(20):
        assert refused(lambda number=number: gateway.send(b"", f"Made{number}")).code == "UNIMPLEMENTED"  # type: ignore[misc] # a default argument
    assert "Made" not in fetched(address, "/metrics")[2]


def test_waits_and_queues(serve: Serve) -> None:
    """Calls that wait for a turn are seen while they do, and how long they did afterwards; so are places."""
    with faulty_aws() as aws, ThreadPoolExecutor(4) as callers:
        target = {"name": "slow", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url}
        rates = {"StartJobRun": {"per_second": 1, "burst": 1}}
        gateway = serve(aws.url, sections={**_METRICS, "targets": [{**target, "rates": rates}]})
        address = gateway.metrics
        calls = [callers.submit(gateway.start, job()) for _ in range(4)]
        queue = "operation=StartJobRun,target=slow"
        _until(lambda: _samples(address, "emr_gateway_throttle_queue_length")[queue] == 3)
        assert _samples(address, "emr_gateway_calls_waiting") == {"": 3}
        assert [call.result(PATIENCE_SECONDS).job_run_id for call in calls] == ["00run"] * 4
        assert _samples(address, "emr_gateway_throttle_queue_length")[queue] == 0
        assert _samples(address, "emr_gateway_throttle_wait_seconds_count") == {queue: 3}
        assert 3 < _samples(address, "emr_gateway_throttle_wait_seconds_sum")[queue] < 20
        assert _samples(address, "emr_gateway_calls_limit") == {"": 256}


def test_nothing_is_missing(serve: Serve, sandbox: Sandbox) -> None:
    """Every name that alerts and dashboards speak of is there after one call, without the SDK's scopes."""
    gateway = serve(sandbox.url, sections=_METRICS)
    address = gateway.metrics
    gateway.start(job())
    text = fetched(address, "/metrics")[2]
    names = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert names >= {
        "rpc_server_call_duration_seconds",
        "rpc_client_call_duration_seconds",
        "emr_gateway_submissions_total",
        "emr_gateway_ledger_lookups_total",
        "emr_gateway_throttle_queue_length",
        "emr_gateway_calls_in_flight",
        "emr_gateway_calls_waiting",
        "emr_gateway_calls_limit",
        "emr_gateway_audit_lost_total",
        "emr_gateway_audit_kept_back_total",
        "emr_gateway_audit_failing",
        "emr_gateway_policy_info",
        "emr_gateway_policy_age_seconds",
        "emr_gateway_policy_last_load_successful",
        "emr_gateway_policy_reload_failures_total",
    }
    assert "otel_scope" not in text


def _until(is_so: Any) -> None:  # noqa: ANN401 - a condition
    ends = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)
