"""AWS at its worst, for real boto3: an HTTP server that answers each application as it was told to."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DRIP_SECONDS = 0.05


@dataclass
class FaultyAws:
    """What is played: `faults` by application id; `seen` holds the requests that came, by application id.

    A fault is {status, type, message} or {status, body}, or {how}: truncated, reset, hang, drip; of a list of them each
    request meets the next one, and then the last for ever. What hangs or drips does so until `released`; whatever is
    not told otherwise is a job that starts. `keys` are the access keys that requests were signed with.
    """

    faults: dict[str, Any] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    seen: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    aws: FaultyAws

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        application = self.path.split("/")[2]
        self.aws.seen[application].append(data)
        self.aws.keys.append(self.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        self.aws.arrived.release()
        faults = self.aws.faults.get(application, {})
        number = len(self.aws.seen[application]) - 1
        fault = faults[min(number, len(faults) - 1)] if isinstance(faults, list) else faults
        with contextlib.suppress(OSError):  # the gateway may have gone
            getattr(self, "_" + fault.get("how", "reply"))(application, fault)
            self.aws.finished.append(application)

    def _reply(self, application: str, fault: dict[str, Any]) -> None:
        """A whole answer; without a status, a success."""
        body = fault.get("body")
        if "status" not in fault:
            body = json.dumps(_started(application) if self.command == "POST" else _got(application))
        elif body is None:
            body = json.dumps({"message": fault["message"]} if "message" in fault else {})
        self._head(fault.get("status", 200), len(body), fault.get("type"))
        self.wfile.write(body.encode())

    def _truncated(self, _: str, __: dict[str, Any]) -> None:
        """A length that is not kept."""
        self._head(200, 500, None)
        self.wfile.write(b'{"applicationId": "')
        self._hang_up()

    def _reset(self, _: str, __: dict[str, Any]) -> None:
        """RST instead of an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._hang_up()

    def _hang(self, application: str, fault: dict[str, Any]) -> None:
        """Nothing, until released; then a success, or what the fault says."""
        self.aws.released.wait(30)
        self._reply(application, fault)

    def _drip(self, _: str, __: dict[str, Any]) -> None:
        """A byte now and then: each of the reader's waits is short."""
        self._head(200, 10_000, None)
        while not self.aws.released.wait(_DRIP_SECONDS):
            self.wfile.write(b" ")
        self._hang_up()

    def _head(self, status: int, length: int, error_type: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        if error_type:
            self.send_header("x-amzn-ErrorType", error_type)
        self.end_headers()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Tests look at `seen`."""


def _started(application: str) -> dict[str, str]:
    arn = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{application}/jobruns/00run"
    return {"applicationId": application, "jobRunId": "00run", "arn": arn}


def _got(application: str) -> dict[str, Any]:
    return {"jobRun": {**_started(application), "tags": {"emr-gateway:caller": "spiffe://local/ns/data-eng/sa/etl"}}}


@contextlib.contextmanager
def faulty_aws(tls: Mapping[str, str] | None = None) -> Iterator[FaultyAws]:
    """One that listens on loopback; with a certificate and its key, over TLS."""
    aws = FaultyAws()

    class Handler(_Handler):
        pass

    Handler.aws = aws
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls["certificate"], tls["key"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    aws.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield aws
    finally:
        aws.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
