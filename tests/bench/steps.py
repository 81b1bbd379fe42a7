"""The CPU time of each step of one StartJobRun, beside a boto3 call in the same run: `make bench`."""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest
from emrgateway_client import load_request
from emrgateway_sandbox import Sandbox
from emrgateway_server import conformance, emr, engines, shapes, translate, wire
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr import Target
from emrgateway_server.findings import Findings

from .clock import cpu_microseconds

SHAPE = shapes.request_shape("StartJobRun")


def main() -> None:
    """Print the table."""
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "bench")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "bench")
    demo = Path(__file__).parents[2] / "deploy" / "demo"
    message = load_request(demo / "job.yaml")
    message.client_token = "bench"  # noqa: S105 - an idempotency token, no password
    data = message.SerializeToString()
    request = translate.to_aws(message, SHAPE)
    caller = Caller("spiffe://local/ns/data-eng/sa/etl", {"team": "data-eng"})
    engine = engines.load(demo / "policy")
    stamps = emr.reserved_tags(caller=caller.id, token="0" * 64, intent=emr.intent(request))
    with Sandbox(seconds_per_state=0) as sandbox:
        target = Target(
            name="bench",
            account="123456789012",
            region="us-east-1",
            endpoint_url=sandbox.url,
            applications=["**"],
            version="bench",
            traffic=emr.Traffic(replicas=1, most_waiting=1, most_at_once=1),
            rates={"StartJobRun": emr.Rate(1e6, 1e6)},
        )
        steps: dict[str, Callable[[], object]] = {
            "parse (wire)": lambda: wire.parse(data, StartJobRunRequest, most_bytes=524_288, found=Findings()),
            "translate": lambda: translate.to_aws(message, SHAPE),
            "check (conformance)": lambda: conformance.check(request, SHAPE, Findings()),
            "stamp (digests)": lambda: emr.reserved_tags(caller=caller.id, token="0" * 64, intent=emr.intent(request)),
            "judge (policy)": lambda: engine.judge(caller, request, stamps),
            "send (boto3)": lambda: target.send("StartJobRun", request, call=Call(10), caller=caller.id),
        }
        figures = {name: cpu_microseconds(step) for name, step in steps.items()}
        target.close()
    sent = figures["send (boto3)"]
    for name, microseconds in figures.items():
        print(f"{name:22} {microseconds:8.0f} µs CPU   {microseconds / sent:5.2f} of boto3's call")


if __name__ == "__main__":
    main()
