"""Spans on their way to a collector, counted where they never get there: it may be down, slow, or refuse."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

MOST_WAITING = 2_048  # the SDK's own bound


class Dropped:
    """How many spans were lost. Thread-safe."""

    def __init__(self, most_waiting: int) -> None:
        self._most = most_waiting
        self._lock = threading.Lock()
        self._waiting = 0
        self.count = 0

    def ended(self) -> None:
        """A span goes to the queue, which lets go of its oldest where it is full."""
        with self._lock:
            if self._waiting >= self._most:
                self.count += 1
            else:
                self._waiting += 1

    def taken(self, spans: int, *, lost: bool) -> None:
        """Spans left the queue, for the collector or for good."""
        with self._lock:
            self._waiting = max(0, self._waiting - spans)
            self.count += spans if lost else 0


class CountedExporter(SpanExporter):
    """Tells `Dropped` what an exporter could not deliver."""

    def __init__(self, exporter: SpanExporter, dropped: Dropped) -> None:
        self._exporter = exporter
        self._dropped = dropped

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Deliver them."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._dropped.taken(len(spans), lost=result is not SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """End it."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits."""
        return self._exporter.force_flush(timeout_millis)


class CountedProcessor(BatchSpanProcessor):
    """The SDK's batches, with a bound on what waits that is known to `Dropped`."""

    def __init__(self, exporter: SpanExporter, dropped: Dropped, most_waiting: int) -> None:
        super().__init__(CountedExporter(exporter, dropped), max_queue_size=most_waiting)
        self._dropped = dropped

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._dropped.ended()
        super().on_end(span)
