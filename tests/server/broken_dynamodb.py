"""A DynamoDB before the real one's stand-in: it lets requests through, or does to them what it is told."""

from __future__ import annotations

import contextlib
import http.client
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

_ERRORS = {
    "refusing": (400, "AccessDeniedException"),
    "throttled": (400, "ThrottlingException"),
    "failing": (500, "InternalServerError"),
}
WAYS = ("down", "slow", "lost", *_ERRORS, "nonsense")


@dataclass
class BrokenDynamoDB:
    """`way` is one of WAYS, or empty; it is met by so many requests whose body holds `what`.

    `down` hangs up at once, `slow` when released, `lost` after the request was let through.
    """

    upstream: str
    way: str = ""
    what: bytes = b""
    times: int = 1_000_000
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    table: BrokenDynamoDB

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        way = self.table.way if self.table.what in data and self.table.times > 0 else ""
        self.table.times -= bool(way)
        with contextlib.suppress(OSError):  # the gateway may have gone
            if way in ("", "lost"):
                answer = self._let_through(data)
            elif way == "slow":
                self.table.released.wait(30)
            if way in ("down", "slow", "lost"):
                self.close_connection = True
            elif way in _ERRORS:
                status, code = _ERRORS[way]
                self._reply(status, b'{"__type": "com.amazonaws.dynamodb.v20120810#%s"}' % code.encode())
            elif way == "nonsense":
                self._reply(200, b"<html>log in to the network</html>")
            else:
                self._reply(*answer)

    def _let_through(self, data: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.table.upstream).netloc, timeout=30)
        try:
            connection.request("POST", "/", data, dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@contextlib.contextmanager
def broken_dynamodb(upstream: str) -> Iterator[BrokenDynamoDB]:
    """One that listens on loopback."""
    table = BrokenDynamoDB(upstream)

    class Handler(_Handler):
        pass

    Handler.table = table
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    table.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield table
    finally:
        table.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
