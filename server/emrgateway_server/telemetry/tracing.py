"""The SDK's set-up: where spans and metrics go, as the standard `OTEL_*` variables say."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from opentelemetry import metrics, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SpanExporter

from emrgateway_server.telemetry import dropping
from emrgateway_server.telemetry.dropping import CountedProcessor, Dropped
from emrgateway_server.telemetry.metrics import observe

SERVICE_NAME = "emr-gateway"
FLUSH_SECONDS = 2.0

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configure_tracing(environment: Mapping[str, str], version: str) -> TracerProvider | None:
    """Export spans as `OTEL_*` says; without an endpoint or an exporter named there, nothing is exported."""
    exporter = _exporter(environment)
    if exporter is None:
        return None
    provider = TracerProvider(resource=_resource(environment, version), shutdown_on_exit=False)  # `stop` does
    most = _number(environment.get("OTEL_BSP_MAX_QUEUE_SIZE", ""), dropping.MOST_WAITING)
    dropped = Dropped(most)
    provider.add_span_processor(CountedProcessor(exporter, dropped, most))
    trace.set_tracer_provider(provider)
    observe(
        "emr_gateway.telemetry.dropped",
        "Spans that never reached the collector.",
        lambda: [(dropped.count, {"signal": "spans"})],
        only_grows=True,
    )
    return provider


def configure_metrics(environment: Mapping[str, str], version: str) -> MeterProvider:
    """Metrics are there for Prometheus, and sent to a collector besides where `OTEL_METRICS_EXPORTER` is `otlp`."""
    readers: list[MetricReader] = [PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False)]
    if "otlp" in environment.get("OTEL_METRICS_EXPORTER", ""):
        readers.append(PeriodicExportingMetricReader(_metric_exporter(environment)))
    provider = MeterProvider(
        readers,
        resource=_resource(environment, version),
        exemplar_filter=AlwaysOffExemplarFilter(),
        shutdown_on_exit=False,
    )
    metrics.set_meter_provider(provider)
    return provider


def stop(*providers: TracerProvider | MeterProvider) -> None:
    """Export what is left, for a moment: a collector that is gone must not keep the process."""
    endings = [threading.Thread(target=each.shutdown, name="telemetry", daemon=True) for each in providers]
    for ending in endings:
        ending.start()
    ends = time.monotonic() + FLUSH_SECONDS
    for ending in endings:
        ending.join(max(0.0, ends - time.monotonic()))


def _resource(environment: Mapping[str, str], version: str) -> Resource:
    names = {} if "OTEL_SERVICE_NAME" in environment else {"service.name": SERVICE_NAME}
    return Resource.create({**names, "service.version": version})


def _number(text: str, otherwise: int) -> int:
    """A variable's number; what is none is as if it were not there."""
    return int(text) if text.isascii() and text.isdigit() and int(text) else otherwise


def _exporter(environment: Mapping[str, str]) -> SpanExporter | None:
    named = environment.get(
        "OTEL_TRACES_EXPORTER", "otlp" if any(name in environment for name in _ENDPOINTS) else "none"
    )
    if named == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if named == "console":
        return ConsoleSpanExporter()
    if _protocol(environment, "TRACES") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - one of two is loaded
            OTLPSpanExporter as GrpcExporter,
        )

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter as HttpExporter,
    )

    return HttpExporter()


def _metric_exporter(environment: Mapping[str, str]) -> MetricExporter:
    if _protocol(environment, "METRICS") == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415 - one of two is loaded
            OTLPMetricExporter as GrpcExporter,
        )

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - as above
        OTLPMetricExporter as HttpExporter,
    )

    return HttpExporter()


def _protocol(environment: Mapping[str, str], signal: str) -> str:
    general = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    return environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", general)
