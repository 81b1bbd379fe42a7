"""The caller's trace, where the caller has OpenTelemetry: its current span becomes the gateway's parent."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType

propagate: ModuleType | None = None
with suppress(ImportError):  # the client does not need it
    from opentelemetry import propagate


def headers() -> tuple[tuple[str, str], ...]:
    """The metadata that carries the current span, W3C's `traceparent` by default; empty where there is none."""
    if propagate is None:
        return ()
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return tuple((key.lower(), value) for key, value in carrier.items())
