"""OpenTelemetry: the SDK's set-up, and the spans with the few attributes that they may carry.

Spans are written by the API, not by an instrumentation: that one emits deprecated names and records exceptions, whose
texts may hold what AWS marks sensitive. Attribute values here are names, ids, codes and counts alone.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter

from emrgateway_server.errors import GatewayError

SERVICE_NAME = "emr-gateway"
FLUSH_SECONDS = 2.0

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# botocore logs whole requests and replies at DEBUG, and with them every secret argument.
_TALKATIVE = ("boto3", "botocore", "urllib3", "s3transfer")
# The codes that the gRPC conventions count as the server's fault; the others are the caller's to mend.
_SERVER_FAULTS = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})

_tracer = trace.get_tracer("emrgateway_server")
_OUTCOMES = Counter(
    "emr_gateway_policy_outcomes",
    "Judgements, dry runs included, in which a rule changed, warned of or denied something.",
    ("rule", "verdict", "mode"),
)
_log = logging.getLogger(__name__)


def configure_logging(level: str) -> None:
    """Logs go to standard error, one line each; libraries that log requests are kept above DEBUG."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.INFO, logging.getLogger().level))


def log_bug(error: BaseException) -> None:
    """Where it broke, without its text, which may hold a secret."""
    _log.error("bug: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))


def configure_tracing(environment: Mapping[str, str], version: str) -> TracerProvider | None:
    """Export spans as `OTEL_*` says; without an endpoint or an exporter named there, nothing is exported."""
    exporter = _exporter(environment)
    if exporter is None:
        return None
    names = {} if "OTEL_SERVICE_NAME" in environment else {"service.name": SERVICE_NAME}
    resource = Resource.create({**names, "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)  # `stop` does
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


def stop(provider: TracerProvider) -> None:
    """Export what is left, for a moment: a collector that is gone must not keep the process."""
    ending = threading.Thread(target=provider.shutdown, name="telemetry", daemon=True)
    ending.start()
    ending.join(FLUSH_SECONDS)


def _exporter(environment: Mapping[str, str]) -> SpanExporter | None:
    named = environment.get(
        "OTEL_TRACES_EXPORTER", "otlp" if any(name in environment for name in _ENDPOINTS) else "none"
    )
    if named == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if named == "console":
        return ConsoleSpanExporter()
    protocol = environment.get(
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    )
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - one of two is loaded
            OTLPSpanExporter as GrpcExporter,
        )

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter as HttpExporter,
    )

    return HttpExporter()


def caller_context(metadata: Mapping[str, str]) -> Context:
    """The trace that the caller's `traceparent` continues."""
    return propagate.extract(metadata)


@contextmanager
def server_span(method: str, context: Context) -> Iterator[Span]:
    """The SERVER span of one call; `method` as gRPC has it, with its leading slash."""
    name = method.removeprefix("/")
    attributes = {"rpc.system.name": "grpc", "rpc.method": name}
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
    if code != "OK":
        span.set_attribute("error.type", code)
    if code in _SERVER_FAULTS:
        span.set_status(Status(StatusCode.ERROR))


def note_error(error: GatewayError) -> None:
    """Put the contract's reason on the current span."""
    trace.get_current_span().set_attribute("emrgateway.reason", error.reason)


def note_caller(caller_id: str) -> None:
    """Put the caller on the current span."""
    trace.get_current_span().set_attribute("emrgateway.caller", caller_id)


@contextmanager
def policy_span() -> Iterator[Span]:
    """The INTERNAL span of a judgement."""
    with _tracer.start_as_current_span(
        "policy.evaluate", record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def note_decision(span: Span, digest: str, *, allowed: bool, changed: list[str], denied: list[str]) -> None:
    """What policy made of the request, by rule id."""
    span.set_attribute("emrgateway.policy.digest", digest)
    span.set_attribute("emrgateway.policy.allowed", allowed)
    span.set_attribute("emrgateway.policy.changed_by", changed)
    span.set_attribute("emrgateway.policy.denied_by", denied)


def count_outcomes(outcomes: Iterable[tuple[str, str, str]]) -> None:
    """Count what rules made of one request: the rule's full id, its verdict and its mode, each once a request."""
    for labels in set(outcomes):
        _OUTCOMES.labels(*labels).inc()


@contextmanager
def aws_span(operation: str, *, region: str, target: str, number: int) -> Iterator[Span]:
    """The CLIENT span of one try toward AWS; `number` counts the tries of a call, from 1."""
    name = f"EMR Serverless/{operation}"
    attributes: dict[str, str | int] = {
        "rpc.system.name": "aws-api",
        "rpc.method": name,
        "cloud.region": region,
        "emrgateway.target": target,
        "emrgateway.try": number,
    }
    with _tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        yield span


def note_aws_fault(span: Span, error: GatewayError) -> None:
    """Why a try failed, in the contract's words."""
    span.set_attribute("error.type", error.reason)
    span.set_status(Status(StatusCode.ERROR))


def note_aws_reply(span: Span, request_id: str, job_run_id: str) -> None:
    """AWS's own id of the call, and the job run it is about."""
    span.set_attribute("aws.request_id", request_id)
    span.set_attribute("emrgateway.job_run_id", job_run_id)
