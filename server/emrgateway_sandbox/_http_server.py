"""An HTTP/1.1 server that keeps connections, which werkzeug's own server refuses to do.

werkzeug's development server answers every request with `Connection: close`, and then waits 10 ms for bytes left over.
Here the body is read whole before anything is answered, so that the next request always starts where it should, and
a reply leaves in one write with its length, so that the client need not wait for the connection to end.
"""

import logging
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Final

from ._http_messages import HttpReply, HttpRequest

_LOG = logging.getLogger(__name__)
_ACCEPT_POLL_SECONDS: Final = 0.05  # how long stop() may wait for the accepting thread
_DRAIN_SECONDS: Final = 5.0  # how long stop() waits for requests that are being answered
_MAX_CHUNK_LINE: Final = 1024
_DRIP_SECONDS: Final = 0.05
_PROMISED_BYTES: Final = 100_000
_FRAMING_HEADERS: Final = frozenset({"connection", "content-length", "transfer-encoding"})
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, hands them to the server's `answer`, writes replies."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one write
    disable_nagle_algorithm = True  # or a reply may wait 40 ms for the client's delayed acknowledgement
    server: "HttpServer"

    def _serve(self) -> None:
        try:
            body = self._read_body()
        except ValueError as error:
            # Where the body ends is not known, so nothing more can be read from this connection.
            self.close_connection = True
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
            return
        self._deliver(self.server.answer(HttpRequest(self.command, self.path, self.headers, body)))

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_POST = do_PUT = _serve  # noqa: N815 - http.server's names

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0").strip()
        if not (length.isascii() and length.isdigit()):
            raise ValueError("Content-Length is not a number")
        return self._read_exactly(int(length))

    def _read_chunks(self) -> bytes:
        chunks = bytearray()
        while size := int(self.rfile.readline(_MAX_CHUNK_LINE).split(b";")[0], 16):
            if size < 0:
                raise ValueError("chunk size is negative")
            chunks += self._read_exactly(size)
            self._read_exactly(len(b"\r\n"))
        while self.rfile.readline(_MAX_CHUNK_LINE).strip():
            pass  # trailers
        return bytes(chunks)

    def _read_exactly(self, length: int) -> bytes:
        content = self.rfile.read(length)
        if len(content) < length:
            raise ConnectionError("the client left in the middle of a body")
        return content

    def _deliver(self, reply: HttpReply) -> None:
        """Let a reply leave, whole or as a fault has it."""
        if reply.delivery in {"slow", "hang"}:
            self.server.stopping.wait(reply.seconds)
        if reply.delivery in {"whole", "slow"}:
            self._write(reply)
            return
        self.close_connection = True
        if reply.delivery in {"truncated", "drip"}:
            self._write_half(reply)
        if reply.delivery == "drip":
            ends = time.monotonic() + reply.seconds
            while time.monotonic() < ends and not self.server.stopping.wait(_DRIP_SECONDS):
                self.wfile.write(b" ")
                self.wfile.flush()
        if reply.delivery in {"hang", "reset"}:
            # Closed with time to linger 0, a connection ends by RST.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()

    def _write_half(self, reply: HttpReply) -> None:
        """The head, with a length that is not kept, and half of the body."""
        self.send_response_only(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body) + _PROMISED_BYTES))
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2])
        self.wfile.flush()

    def _write(self, reply: HttpReply) -> None:
        self.send_response_only(reply.status)
        headers = {name.lower(): value for name, value in reply.headers}
        for name, value in reply.headers:
            if name.lower() not in _FRAMING_HEADERS:
                self.send_header(name, value)
        if "date" not in headers:
            self.send_header("Date", self.date_time_string())
        if reply.status not in _BODILESS:
            # What a HEAD's reply would have held is for the application to say.
            length = headers.get("content-length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD" and reply.status not in _BODILESS:
            self.wfile.write(reply.body)

    def handle_expect_100(self) -> bool:
        """Let the client send its body; flushed, or client and server would wait for each other."""
        self.send_response_only(HTTPStatus.CONTINUE)
        self.end_headers()
        self.wfile.flush()
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: requests are not logged."""


class HttpServer(ThreadingMixIn, TCPServer):
    """Accepts on `address` from construction on (OSError if it cannot), answers between `start` and `stop`."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], family: socket.AddressFamily, answer: Callable[[HttpRequest], HttpReply]
    ) -> None:
        self.address_family = family
        self.answer = answer
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_changed = threading.Condition()
        self._acceptor = threading.Thread(
            target=self.serve_forever, args=(_ACCEPT_POLL_SECONDS,), name="emrgateway-sandbox", daemon=True
        )
        super().__init__(address, _Handler)

    def start(self) -> None:
        """Answer requests, in threads of their own."""
        self._acceptor.start()

    def stop(self) -> None:
        """Accept nothing more, end what is being answered, close every connection."""
        self.stopping.set()
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        with self._connections_changed:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RD)  # wakes a thread that waits for the next request
                except OSError:
                    continue  # the client has closed it
            self._connections_changed.wait_for(lambda: not self._connections, timeout=_DRAIN_SECONDS)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Hand a new connection to its thread, and remember it for `stop`."""
        with self._connections_changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Close a connection, and forget it."""
        super().shutdown_request(request)
        with self._connections_changed:
            self._connections.discard(request)
            self._connections_changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what ended a connection, unless it was the client that left."""
        del request, client_address
        if not isinstance(sys.exception(), ConnectionError):
            _LOG.exception("a connection ended with an error")
