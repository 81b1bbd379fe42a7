"""What a watch sees of the end stands in the job's own trace, once, and the audit has the watch."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.server.gateways import CALLER
from tests.server.otlp import attributes, collecting
from tests.server.traceparents import traceparent

from .conftest import sections
from .scripted_aws import APPLICATION
from .watchers import Watching

if TYPE_CHECKING:
    from tests.server.conftest import Serve

    from .scripted_aws import ScriptedAws

_TOKEN = "cd" * 32


def test_the_end_in_the_jobs_trace(aws: ScriptedAws, serve: Serve) -> None:
    """Two watch one run: one span, with AWS's figures, under the place that the job was told; two endings."""
    tags = {"emr-gateway:caller": CALLER, "emr-gateway:submission": _TOKEN}
    aws.put("00traced", "RUNNING", tags=tags)
    with collecting() as collector:
        gateway = serve(aws.url, sections=sections(aws), environment=collector.environment)
        watchers = [Watching(gateway, "00traced").until("RUNNING") for _ in range(2)]
        aws.put("00traced", "SUCCESS", tags=tags)
        assert [watching.until("RUNNING", "SUCCESS").ended().refused for watching in watchers] == [None, None]
        told = gateway.stop().stdout
    span = collector.named("EMR Serverless job run")
    assert f"00-{span.trace_id.hex()}-{span.parent_span_id.hex()}-01" == traceparent(_TOKEN)
    figures = attributes(span)
    assert (figures["emrgateway.job.state"], figures["emrgateway.job_run_id"]) == ("SUCCESS", "00traced")
    assert (figures["emrgateway.job.queued_ms"], figures["emrgateway.job.running_s"]) == (4_000, 61)
    assert figures["emrgateway.job.billed.vcpu_hours"] == 1.75
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    watched = {"caller": {"id": CALLER}, "application_id": APPLICATION, "job_run_id": "00traced"}
    assert [(line["path"].partition("/")[2], line["input"], line["result"]["code"]) for line in lines] == [
        ("WatchJobRun", watched, "OK")
    ] * 2
