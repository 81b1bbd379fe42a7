"""Protobuf's wire format by hand, for bytes that no serializer would write."""

from __future__ import annotations

VARINT, FIXED64, BYTES, START_GROUP, END_GROUP, FIXED32 = range(6)


def varint(value: int) -> bytes:
    """A varint; a negative number takes ten bytes, as protobuf writes it."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def tag(number: int, wire_type: int) -> bytes:
    """A field's number and wire type."""
    return varint(number << 3 | wire_type)


def integer(number: int, value: int) -> bytes:
    """A field of a number, a boolean or an enum."""
    return tag(number, VARINT) + varint(value)


def sized(number: int, content: bytes | str) -> bytes:
    """A field of a string, a message or packed numbers."""
    data = content.encode() if isinstance(content, str) else content
    return tag(number, BYTES) + varint(len(data)) + data


def group(number: int, content: bytes) -> bytes:
    """A group, which proto3 does not have, though its parsers read it."""
    return tag(number, START_GROUP) + content + tag(number, END_GROUP)
