"""Protobuf's wire format by hand, for bytes that no library would write."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """A base-128 varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field: int, value: int) -> bytes:
    """A field that holds a number; a negative one as protobuf has it, in ten bytes."""
    return varint(field << 3) + varint(value & 0xFFFFFFFFFFFFFFFF)


def block(field: int, *content: bytes | str) -> bytes:
    """A field that holds a string or a message: the parts joined."""
    data = b"".join(part.encode() if isinstance(part, str) else part for part in content)
    return varint(field << 3 | 2) + varint(len(data)) + data


def group(field: int, *content: bytes) -> bytes:
    """A field in the old form of groups, which a parser still skips."""
    return varint(field << 3 | 3) + b"".join(content) + varint(field << 3 | 4)
