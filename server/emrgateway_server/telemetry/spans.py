"""The spans of a call, with the few attributes that they may carry.

Spans are written by the API, not by an instrumentation: that one emits deprecated names and records exceptions, whose
texts may hold what AWS marks sensitive. Attribute values here are names, ids, codes and counts alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from emrgateway_server import record
from emrgateway_server.errors import GatewayError
from emrgateway_server.telemetry.jobtrace import job_context
from emrgateway_server.telemetry.metrics import count_try, count_wait

# The codes that the gRPC conventions count as the server's fault; the others are the caller's to mend.
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})

_tracer = trace.get_tracer("emrgateway_server")


def current_ids() -> tuple[str, str]:
    """The current span's trace id and span id in hexadecimal, empty where there is none."""
    found = trace.get_current_span().get_span_context()
    if not found.is_valid:
        return "", ""
    return trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)


def caller_context(metadata: Mapping[str, str]) -> Context:
    """The trace that the caller's `traceparent` continues."""
    return propagate.extract(metadata)


@contextmanager
def server_span(method: str, context: Context) -> Iterator[Span]:
    """The SERVER span of one call; `method` as gRPC has it, with its leading slash."""
    name = method.removeprefix("/")
    attributes = {"rpc.system.name": "grpc", "rpc.method": name}
    kept = record.current()
    if kept is not None:
        attributes["emrgateway.decision_id"] = kept.decision_id
    with _tracer.start_as_current_span(
        name,
        context=context,
        kind=SpanKind.SERVER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def end_server_span(span: Span, code: str) -> None:
    """Put the call's gRPC code on its SERVER span."""
    span.set_attribute("rpc.response.status_code", code)
    if code in _SERVER_FAULTS:
        span.set_attribute("error.type", code)
        span.set_status(Status(StatusCode.ERROR))


def note_error(error: GatewayError) -> None:
    """Put the contract's reason on the current span, and the error on the call's record."""
    record.note_error(error)
    trace.get_current_span().set_attribute("emrgateway.reason", error.reason)


def note_caller(caller_id: str) -> None:
    """Put the caller on the current span and the call's record."""
    record.note_caller(caller_id)
    trace.get_current_span().set_attribute("emrgateway.caller", caller_id)


@contextmanager
def policy_span() -> Iterator[Span]:
    """The INTERNAL span of a judgement."""
    with _tracer.start_as_current_span(
        "policy.evaluate", record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def note_decision(
    span: Span, digest: str, *, allowed: bool, changed: list[str], denied: list[str], untraced: str = ""
) -> None:
    """What policy made of the request, by rule id; `untraced` says why the job is not told its place in a trace."""
    if untraced:
        span.add_event("traceparent.left_out", {"emrgateway.reason": untraced})
    span.set_attribute("emrgateway.policy.digest", digest)
    span.set_attribute("emrgateway.policy.allowed", allowed)
    for name, rules in (("changed_by", changed), ("denied_by", denied)):
        if rules:  # some receivers stumble over an empty list
            span.set_attribute(f"emrgateway.policy.{name}", rules)


@contextmanager
def throttle_wait(operation: str, target: str) -> Iterator[None]:
    """The INTERNAL span of a wait for a turn toward AWS."""
    began = time.perf_counter()
    attributes = {"emrgateway.operation": operation, "emrgateway.target": target}
    with _tracer.start_as_current_span(
        "throttle.wait", attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except GatewayError as error:
            span.set_attribute("error.type", error.reason)
            raise
        finally:
            count_wait(operation, target, time.perf_counter() - began)


class Try:
    """One try toward AWS: what is told of it goes onto its CLIENT span and into the figures."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.error: GatewayError | None = None

    def failed(self, error: GatewayError) -> None:
        """Why it failed, in the contract's words."""
        self.error = error
        self._span.set_attribute("error.type", error.reason)
        self._span.set_status(Status(StatusCode.ERROR))

    def answered(self, request_id: str, job_run_id: str) -> None:
        """AWS's own id of the call, and the job run it is about."""
        self._span.set_attribute("aws.request_id", request_id)
        self._span.set_attribute("emrgateway.job_run_id", job_run_id)


@contextmanager
def aws_try(
    operation: str, *, region: str, target: str, server: tuple[str, int], number: int, upstream_token: str = ""
) -> Iterator[Try]:
    """The CLIENT span of one try toward AWS; `number` counts the tries of a call, from 1.

    Where it may start a job, `upstream_token` tells the job's own trace, which is linked.
    """
    name = f"EMR Serverless/{operation}"
    attributes: dict[str, str | int] = {
        "rpc.system.name": "aws-api",
        "rpc.method": name,
        "server.address": server[0],
        "server.port": server[1],
        "cloud.region": region,
        "emrgateway.target": target,
        "emrgateway.try": number,
    }
    began = time.perf_counter()
    with _tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        if upstream_token and span.is_recording():
            span.add_link(job_context(upstream_token))
        told = Try(span)
        try:
            yield told
        finally:
            count_try(name, target, time.perf_counter() - began, told.error)
