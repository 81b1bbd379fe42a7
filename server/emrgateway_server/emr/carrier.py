"""The HTTP transport: carries what botocore has signed, by libcurl, within a time that holds for the whole exchange.

botocore's own timeouts are per socket read and leave out the name server: against an AWS that sends a byte now and then
a call of one second was seen not to end at all, and libcurl's to end after 1.001 s. libcurl also tells whether
a byte of the request had left, which is what `not_started` rests on.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import pycurl
from botocore import exceptions as aws
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

CONNECT_SECONDS = 5.0
MOST_REPLY_BYTES = 8 * 1024 * 1024
_TIMED_OUT = 28  # CURLE_OPERATION_TIMEDOUT
_ends: ContextVar[float] = ContextVar("ends")


@contextmanager
def ending(seconds: float) -> Iterator[None]:
    """Give whatever is carried in here so long."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


class Carrier:
    """A connection pool: libcurl handles, each with its own connections; the one used last is the next one used."""

    def __init__(self, certificates: str | None) -> None:
        """`certificates` is the file of authorities that AWS's certificate is held against."""
        self._certificates = certificates
        self._idle: deque[pycurl.Curl] = deque()

    def carry(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Answer botocore's `before-send` event, which then leaves its own HTTP alone."""
        try:
            handle = self._idle.pop()
        except IndexError:
            handle = pycurl.Curl()
        try:
            return self._performed(handle, request)
        finally:
            handle.reset()
            self._idle.append(handle)

    def close(self) -> None:
        """Let go of every connection."""
        # Closing waits for the name server where it has left a lookup hanging (9.5 s were seen); none waits for this.
        threading.Thread(target=self._close, name="carrier", daemon=True).start()

    def _close(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _performed(self, handle: pycurl.Curl, request: AWSPreparedRequest) -> AWSResponse:
        milliseconds = int((_ends.get() - time.monotonic()) * 1000)
        if milliseconds <= 0:
            raise aws.ConnectTimeoutError(endpoint_url=request.url)
        reply = _Reply()
        for option, value in self._options(request, milliseconds, reply).items():
            handle.setopt(option, value)
        try:
            handle.perform()
        except pycurl.error as error:
            raise _explained(error.args[0], handle, request) from None
        return AWSResponse(request.url, handle.getinfo(pycurl.RESPONSE_CODE), reply.headers, reply.body)

    def _options(self, request: AWSPreparedRequest, milliseconds: int, reply: _Reply) -> dict[int, Any]:
        body = request.body.encode() if isinstance(request.body, str) else request.body
        options: dict[int, Any] = {
            pycurl.URL: request.url,
            pycurl.CUSTOMREQUEST: request.method,
            pycurl.HTTPHEADER: [*_lines(request), "Expect:", "Accept:"],
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PATH_AS_IS: 1,  # the path is signed
            pycurl.WRITEFUNCTION: reply.take_body,
            pycurl.HEADERFUNCTION: reply.take_header,
            pycurl.TIMEOUT_MS: milliseconds,
            pycurl.CONNECTTIMEOUT_MS: int(CONNECT_SECONDS * 1000),
            pycurl.NOSIGNAL: 1,  # there are threads
        }
        if body is not None:
            options[pycurl.POSTFIELDS] = body
        if self._certificates:
            options[pycurl.CAINFO] = self._certificates
        return options


class _Body(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        """All of it."""
        yield self.getvalue()


class _Reply:
    """What has come of an answer."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = _Body()

    def take_body(self, data: bytes) -> int:
        """Keep it, or end the exchange where there is no end to it."""
        if self.body.tell() + len(data) > MOST_REPLY_BYTES:
            return -1
        return self.body.write(data)

    def take_header(self, line: bytes) -> None:
        """Keep a header; those of a proxy's or an interim answer are dropped when the next status line comes."""
        if line.startswith(b"HTTP/"):
            self.headers.clear()
        name, separator, value = line.decode("latin-1").partition(":")
        if separator:
            self.headers[name.strip()] = value.strip()


def _lines(request: AWSPreparedRequest) -> Iterator[str]:
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        yield f"{name}: {text}"


def _explained(code: int | str, handle: pycurl.Curl, request: AWSPreparedRequest) -> aws.BotoCoreError:
    """The exception of botocore's for libcurl's error: what matters is whether a byte of the request had left."""
    if handle.getinfo(pycurl.REQUEST_SIZE) == 0:
        kind = aws.ConnectTimeoutError if code == _TIMED_OUT else aws.EndpointConnectionError
        return kind(endpoint_url=request.url)
    kind = aws.ReadTimeoutError if code == _TIMED_OUT else aws.ConnectionClosedError
    return kind(endpoint_url=request.url)
