"""The end of a job run, told into the job's own trace: how long it queued and ran, and what is billed for it."""

from __future__ import annotations

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from emrgateway.v1 import job_run_pb2
from emrgateway_server.telemetry.jobtrace import job_context

SUBMISSION_TAG = "emr-gateway:submission"

_FIGURES = {
    "emrgateway.job.queued_ms": "queued_duration_milliseconds",
    "emrgateway.job.running_s": "total_execution_duration_seconds",
}
_HOURS = {"vcpu_hours": "v_cpu_hour", "memory_gb_hours": "memory_gb_hour", "storage_gb_hours": "storage_gb_hour"}
_USE = {"billed": "billed_resource_utilization", "used": "total_resource_utilization"}
_PREFIX = "JOB_RUN_STATE_"

_tracer = trace.get_tracer("emrgateway_server")


def job_ended(run: job_run_pb2.JobRun) -> None:
    """Tell the end of a run: one span from its creation to its end, linked to whatever noticed. Never fails."""
    token = run.tags.get(SUBMISSION_TAG, "")
    if not token:
        return  # somebody else's: there is no trace that it belongs to
    state = job_run_pb2.JobRunState.Name(run.state).removeprefix(_PREFIX)
    here = trace.get_current_span().get_span_context()
    span = _tracer.start_span(
        "EMR Serverless job run",
        context=trace.set_span_in_context(trace.NonRecordingSpan(job_context(token))),
        kind=SpanKind.INTERNAL,
        attributes=_attributes(run, state),
        links=[Link(here)] if here.is_valid else [],
        start_time=_nanoseconds(run, "created_at"),
    )
    if state == "FAILED":
        span.set_attribute("error.type", state)
        span.set_status(Status(StatusCode.ERROR))
    span.end(_nanoseconds(run, "ended_at") or _nanoseconds(run, "updated_at"))


def _attributes(run: job_run_pb2.JobRun, state: str) -> dict[str, str | int | float]:
    found: dict[str, str | int | float] = {
        "emrgateway.application_id": run.application_id,
        "emrgateway.job_run_id": run.job_run_id,
        "emrgateway.job.state": state,
    }
    whole: Message = run
    for name, field in _FIGURES.items():
        if whole.HasField(field):
            found[name] = getattr(run, field)
    for use, field in _USE.items():
        figures: Message = getattr(run, field)  # AWS fills what is billed in late
        found |= {
            f"emrgateway.job.{use}.{name}": getattr(figures, hours)
            for name, hours in _HOURS.items()
            if figures.HasField(hours)
        }
    return found


def _nanoseconds(run: Message, field: str) -> int | None:
    if not run.HasField(field):
        return None
    time: Timestamp = getattr(run, field)
    return time.ToNanoseconds()
