"""A job's own place in a trace: told by the upstream token alone, so that whoever knows the run can find the trace.

The trace is not the caller's: a submission that is sent again, from any replica, must be the same bytes.
"""

from __future__ import annotations

import hashlib

from opentelemetry.trace import Link, SpanContext, TraceFlags, format_span_id, format_trace_id

_VARIABLES = ("spark.emr-serverless.driverEnv.TRACEPARENT", "spark.executorEnv.TRACEPARENT")


def job_context(upstream_token: str) -> SpanContext:
    """Where a job's spans belong: the span that the gateway tells it to be inside of. Sampled."""
    digest = hashlib.sha256(b"emr-gateway job trace\0" + upstream_token.encode()).digest()
    trace_id, span_id = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
    return SpanContext(trace_id or 1, span_id or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def job_link(upstream_token: str) -> Link:
    """A link to the job's trace."""
    return Link(job_context(upstream_token))


def job_settings(upstream_token: str) -> dict[str, str]:
    """The Spark settings that hand a job its place, in driver and executors, as `TRACEPARENT`."""
    context = job_context(upstream_token)
    value = f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-01"
    return dict.fromkeys(_VARIABLES, value)
