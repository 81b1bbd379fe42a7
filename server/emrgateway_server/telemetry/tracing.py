"""The SDK's set-up: where spans go, as the standard `OTEL_*` variables say."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

SERVICE_NAME = "emr-gateway"
FLUSH_SECONDS = 2.0

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


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
