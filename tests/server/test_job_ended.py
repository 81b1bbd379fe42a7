"""The end of a job run in the job's own trace, and log lines in the call's."""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags

from emrgateway.v1 import job_run_pb2
from emrgateway_server import telemetry
from emrgateway_server.telemetry import jobended, logs

from .jobs import job
from .statuses import refused
from .traceparents import traceparent

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_TOKEN = "ab" * 32
_CREATED, _ENDED = datetime(2026, 11, 1, 12, tzinfo=UTC), datetime(2026, 11, 1, 13, tzinfo=UTC)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What is told, by a provider of the test's own: the process has one for good."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(jobended, "_tracer", provider.get_tracer("test"))
    return exporter


def _run(state: int = job_run_pb2.JOB_RUN_STATE_SUCCESS, token: str = _TOKEN) -> job_run_pb2.JobRun:
    run = job_run_pb2.JobRun(application_id="00app", job_run_id="00run", state=state)  # type: ignore[arg-type] # a number
    if token:
        run.tags["emr-gateway:submission"] = token
    run.created_at.FromDatetime(_CREATED)
    run.ended_at.FromDatetime(_ENDED)
    run.queued_duration_milliseconds = 1500
    run.total_execution_duration_seconds = 3000
    run.billed_resource_utilization.v_cpu_hour = 2.5
    run.billed_resource_utilization.memory_gb_hour = 10
    return run


def test_the_end_is_told_in_the_jobs_trace(spans: InMemorySpanExporter) -> None:
    """From creation to end by AWS's clock, under the place that the job was told, with what it cost."""
    telemetry.job_ended(_run())
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert f"00-{span.context.trace_id:032x}-{span.parent.span_id:016x}-01" == traceparent(_TOKEN)
    assert (span.start_time, span.end_time) == (_CREATED.timestamp() * 1e9, _ENDED.timestamp() * 1e9)
    assert dict(span.attributes or {}) == {
        "emrgateway.application_id": "00app",
        "emrgateway.job_run_id": "00run",
        "emrgateway.job.state": "SUCCESS",
        "emrgateway.job.queued_ms": 1500,
        "emrgateway.job.running_s": 3000,
        "emrgateway.job.billed.vcpu_hours": 2.5,
        "emrgateway.job.billed.memory_gb_hours": 10,
    }
    assert span.status.status_code is StatusCode.UNSET


def test_it_links_to_who_noticed(spans: InMemorySpanExporter) -> None:
    """The span that is current has a link from it."""
    watching = SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1))
    with trace.use_span(trace.NonRecordingSpan(watching)):
        telemetry.job_ended(_run(job_run_pb2.JOB_RUN_STATE_FAILED))
    (span,) = spans.get_finished_spans()
    assert [link.context for link in span.links] == [watching]
    assert span.status.status_code is StatusCode.ERROR


def test_a_run_that_is_not_ours_has_none(spans: InMemorySpanExporter) -> None:
    """Without the tag there is no trace that it belongs to; with little else, there is."""
    telemetry.job_ended(_run(token=""))
    assert not spans.get_finished_spans()
    bare = job_run_pb2.JobRun(state=job_run_pb2.JOB_RUN_STATE_CANCELLED)
    bare.tags["emr-gateway:submission"] = _TOKEN
    telemetry.job_ended(bare)
    assert len(spans.get_finished_spans()) == 1


def test_log_lines_tell_their_trace(serve: Serve, sandbox: Sandbox) -> None:
    """What is logged within a call carries its trace; what is not, does not."""
    command = (sys.executable, str(Path(__file__).parent / "broken_gateway.py"))
    gateway = serve(sandbox.url, environment={"BUG_AT": "judgement"}, command=command)
    refused(lambda: gateway.start(job(), metadata=(("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"),)))
    lines = gateway.stop().stderr.splitlines()
    assert [f"trace_id={'a' * 32}" in line for line in lines if "bug: " in line] == [True]
    assert not any("trace_id" in line for line in lines if "draining" in line)


def test_the_trace_stands_before_a_traceback() -> None:
    """At the end of the first line, where grep finds it."""
    formatter = logs._Traced("%(message)s")  # noqa: SLF001 - what the handler has
    record = logging.LogRecord("n", logging.INFO, "f", 1, "bug: X\n  File y", (), None)
    with trace.use_span(trace.NonRecordingSpan(SpanContext(7, 8, is_remote=False))):
        line = formatter.format(record)
    assert re.fullmatch(r"bug: X trace_id=0{31}7 span_id=0{15}8\n  File y", line)
    assert formatter.format(record) == "bug: X\n  File y"
