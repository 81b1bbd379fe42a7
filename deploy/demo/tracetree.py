"""Receives spans over OTLP/HTTP and draws them as trees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

KINDS = {Span.SPAN_KIND_SERVER: "SERVER", Span.SPAN_KIND_CLIENT: "CLIENT"}
NANOSECONDS = 1_000_000


class SpanReceiver:
    """An OTLP endpoint on loopback that keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Span]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        """Keep the spans of one export."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {item.key: item.value.string_value for item in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [(names.get("service.name", ""), span) for span in scope.spans]

    def tree(self, trace_id: int) -> Iterator[str]:
        """The lines of one trace's tree."""
        mine = [pair for pair in self.spans if int.from_bytes(pair[1].trace_id, "big") == trace_id]
        known = {span.span_id for _, span in mine}
        roots = [pair for pair in mine if pair[1].parent_span_id not in known]
        for pair in sorted(roots, key=_start):
            yield from _branch(pair, mine, "", "")


def _branch(pair: tuple[str, Span], spans: list[tuple[str, Span]], first: str, rest: str) -> Iterator[str]:
    service, span = pair
    milliseconds = (span.end_time_unix_nano - span.start_time_unix_nano) / NANOSECONDS
    kind = KINDS.get(span.kind, "INTERNAL")
    failed = "  ERROR" if span.status.code == Status.STATUS_CODE_ERROR else ""
    yield f"{first}{span.name}  {kind}  {service}  {milliseconds:.1f} ms{failed}"
    children = sorted((other for other in spans if other[1].parent_span_id == span.span_id), key=_start)
    for item in span.attributes:
        if item.key.startswith(("emrgateway.", "aws.", "rpc.response")):
            yield f"{rest}{'│' if children else ' '}    {item.key} = {_text(item.value)}"
    for child in children:
        last = child is children[-1]
        yield from _branch(child, spans, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _start(pair: tuple[str, Span]) -> int:
    return pair[1].start_time_unix_nano


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return ", ".join(map(_text, value.array_value.values)) or "none"
    return str(getattr(value, kind)) if kind else ""
