"""Where an issuer's keys come from: bytes of a URL or a file, bounded in size and time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import certifi
import pycurl

MOST_BYTES = 512 * 1024
FETCH_SECONDS = 5.0
_OK = 200

Source: TypeAlias = Callable[[], bytes]


class FetchError(Exception):
    """The keys did not come, and why."""


def key_file(path: str) -> Source:
    """The content of a file."""

    def read() -> bytes:
        try:
            with Path(path).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise FetchError(f"{path} cannot be read: {error.strerror}") from error
        if len(data) > MOST_BYTES:
            raise FetchError(f"{path} is larger than {MOST_BYTES} bytes")
        return data

    return read


def key_url(url: str, authorities: str | None) -> Source:
    """What a URL answers. No redirect is followed: it would be another's word for where the issuer's keys are."""

    def fetch() -> bytes:
        body = _Body()
        handle = pycurl.Curl()
        try:
            for option, value in {
                pycurl.URL: url,
                pycurl.PROTOCOLS: pycurl.PROTO_HTTPS | pycurl.PROTO_HTTP,
                pycurl.HTTPHEADER: ["Accept: application/json"],
                pycurl.CAINFO: authorities or certifi.where(),
                pycurl.WRITEFUNCTION: body.take,
                pycurl.TIMEOUT_MS: int(FETCH_SECONDS * 1000),  # of the whole exchange
                pycurl.NOSIGNAL: 1,  # there are threads
            }.items():
                handle.setopt(option, value)
            handle.perform()
            status = handle.getinfo(pycurl.RESPONSE_CODE)
        except pycurl.error as error:
            why = f"more than {MOST_BYTES} bytes" if body.is_full else f"libcurl's error {error.args[0]}"
            raise FetchError(f"{url} did not answer: {why}") from None
        finally:
            handle.close()
        if status != _OK:
            raise FetchError(f"{url} answered {status}")
        return body.getvalue()

    return fetch


class _Body(io.BytesIO):
    is_full = False

    def take(self, data: bytes) -> int:
        """Keep it, or end the exchange where there is no end to it."""
        if self.tell() + len(data) > MOST_BYTES:
            self.is_full = True
            return -1
        return self.write(data)
