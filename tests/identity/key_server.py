"""An issuer's key endpoint, well behaved or not, and how often it was asked."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any


class KeyServer:
    """Serves `/keys` on loopback; `behave` says how from now on."""

    def __init__(self, keys: Iterable[dict[str, Any]]) -> None:
        self.asked = 0
        self._respond: Callable[[http.server.BaseHTTPRequestHandler], None] = lambda _: None
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked += 1
                try:
                    owner._respond(self)
                except OSError:
                    self.close_connection = True  # the gateway has had enough

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        self.publish(keys)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop, and refuse connections."""
        self._server.shutdown()
        self._server.server_close()

    def publish(self, keys: Iterable[dict[str, Any]]) -> None:
        """Serve these keys."""
        self.behave(200, json.dumps({"keys": list(keys)}).encode())

    def behave(
        self, status: int, body: bytes, *, location: str = "", seconds_per_byte: float = 0, times: int = 1
    ) -> None:
        """Serve a body, so many times over; or a byte now and then; or somewhere else."""

        def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            if location:
                handler.send_header("Location", location)
            handler.send_header("Content-Length", str(len(body) * times))
            handler.end_headers()
            for _ in range(times):
                for piece in [body[n : n + 1] for n in range(len(body))] if seconds_per_byte else [body]:
                    time.sleep(seconds_per_byte)
                    handler.wfile.write(piece)

        self._respond = respond
