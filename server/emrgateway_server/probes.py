"""Plain HTTP beside gRPC: /livez, /readyz and /metrics, since kubelet's gRPC probes carry no client certificate."""

from __future__ import annotations

import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from emrgateway_server.settings import split_address
from emrgateway_server.yamlfile import ConfigurationError, Problem


class Probes:
    """The HTTP port. `ready` is what /readyz answers; liveness depends on nothing but this process."""

    def __init__(self, listen: str) -> None:
        """Listen at an address."""
        host, port = split_address(listen)
        probes = self

        class Handler(_Handler):
            def answer(self) -> tuple[HTTPStatus, str, bytes]:
                return probes.answer(self.path)

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            message = f"cannot listen on {listen}: {error.strerror}"
            raise ConfigurationError([Problem("metrics", 0, 0, message)]) from error
        self._server.daemon_threads = True
        self.address = f"{host}:{self._server.server_address[1]}"
        self.ready = True

    def start(self) -> None:
        """Answer, in a thread of its own."""
        threading.Thread(target=self._server.serve_forever, name="probes", daemon=True).start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body of a path."""
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
        if path == "/livez":
            return HTTPStatus.OK, "text/plain", b"ok\n"
        if path == "/readyz":
            return (
                (HTTPStatus.OK, "text/plain", b"ok\n")
                if self.ready
                else (HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", b"draining\n")
            )
        return HTTPStatus.NOT_FOUND, "text/plain", b"try /livez, /readyz or /metrics\n"


class _Handler(BaseHTTPRequestHandler):
    timeout = 10

    def answer(self) -> tuple[HTTPStatus, str, bytes]:
        raise NotImplementedError

    def do_GET(self) -> None:
        status, content_type, body = self.answer()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Probes come every few seconds: they are no news."""
