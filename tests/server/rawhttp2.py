"""HTTP/2 by hand, for what no gRPC client does."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS, _HEADERS, _DATA = 4, 1, 0
_ACKNOWLEDGED, _END_HEADERS, _END_STREAM = 1, 4, 1
_INITIAL_WINDOW_SIZE = 4


@contextlib.contextmanager
def deaf(target: str, path: str, message: bytes) -> Iterator[None]:
    """A call whose client takes no byte of the reply: its window is 0 (RFC 9113 §6.9.2)."""
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + _frame(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, 0))
            + _frame(_SETTINGS, _ACKNOWLEDGED, 0, b"")
            + _frame(_HEADERS, _END_HEADERS, 1, _headers(target, path))
            + _frame(_DATA, _END_STREAM, 1, b"\0" + struct.pack(">I", len(message)) + message)
        )
        yield


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _headers(target: str, path: str) -> bytes:
    """Literal fields that are not indexed (RFC 7541 §6.2.2), each shorter than 127 bytes."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": target,
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
