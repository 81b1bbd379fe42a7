"""Bytes → message, refusing what a protobuf parser swallows.

A parser keeps fields it does not know, takes any number for an enum, and of a field, a oneof or a map key sent twice
takes the last: a request with two drivers would be judged by one and believed by its sender to be the other. So the
bytes are walked beside the descriptor, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from emrgateway_server.errors import InvalidRequest, Violation
from emrgateway_server.findings import Findings

_Message = TypeVar("_Message", bound=Message)

# Half a megabyte can hold a quarter of a million empty messages, which take gigabytes as objects; no job needs a tenth.
MAX_FIELDS = 50_000

_VARINT, _FIXED64, _BYTES, _START_GROUP, _END_GROUP, _FIXED32 = range(6)
_WIRE_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_STRING: _BYTES,
    FieldDescriptor.TYPE_BYTES: _BYTES,
    FieldDescriptor.TYPE_MESSAGE: _BYTES,
    FieldDescriptor.TYPE_INT64: _VARINT,
    FieldDescriptor.TYPE_INT32: _VARINT,
    FieldDescriptor.TYPE_BOOL: _VARINT,
    FieldDescriptor.TYPE_ENUM: _VARINT,
}


def parse(data: bytes, message_class: type[_Message], *, most_bytes: int, found: Findings) -> _Message:
    """The message of some bytes; what the contract forbids in it is added to `found`.

    `InvalidRequest` at once where the bytes are too many (`most_bytes`) or no message.
    """
    if len(data) > most_bytes:
        raise _unreadable(f"the message has {len(data):,} bytes; at most {most_bytes:,} are allowed")
    try:
        message = message_class.FromString(data)
    except (DecodeError, RecursionError):
        name = message_class.DESCRIPTOR.name
        reason = f"the bytes are no {name}: damaged, not UTF-8 in a string, or nested more than 100 deep"
        raise _unreadable(reason) from None
    _Walk(data, found).message(0, len(data), _plan(message_class.DESCRIPTOR), "")
    return message


def _unreadable(reason: str) -> InvalidRequest:
    return InvalidRequest(f"the request is not valid: {reason}", violations=[Violation("request", reason)])


@dataclass(slots=True)
class _Field:
    name: str
    wire_type: int
    repeated: bool
    oneof: str | None
    enum: frozenset[int] | None = None
    inner: _Plan | None = None
    is_map: bool = False


@dataclass(slots=True)
class _Plan:
    name: str
    fields: dict[int, _Field] = field(default_factory=dict)


@cache
def _plan(descriptor: Descriptor) -> _Plan:
    return _planned(descriptor, {})


def _planned(descriptor: Descriptor, made: dict[str, _Plan]) -> _Plan:
    if descriptor.full_name in made:
        return made[descriptor.full_name]
    plan = made[descriptor.full_name] = _Plan(descriptor.name)
    for item in descriptor.fields:
        oneof = item.containing_oneof
        plan.fields[item.number] = _Field(
            name=item.name,
            wire_type=_WIRE_TYPES[item.type],
            repeated=item.is_repeated,
            # proto3's `optional` is a oneof of one, which says nothing more.
            oneof=oneof.name if oneof is not None and len(oneof.fields) > 1 else None,
            enum=frozenset(value.number for value in item.enum_type.values) if item.enum_type else None,
            inner=_planned(item.message_type, made) if item.message_type else None,
            is_map=bool(item.message_type and item.message_type.GetOptions().map_entry),
        )
    return plan


class _Walk:
    """One pass over the bytes of a message that is known to parse."""

    def __init__(self, data: bytes, found: Findings) -> None:
        self._data = data
        self._found = found
        self._count = 0

    def message(self, position: int, end: int, plan: _Plan, path: str) -> None:
        seen: dict[str, str] = {}
        counts: dict[str, int] = {}
        keys: set[tuple[str, bytes]] = set()
        for number, wire_type, start, stop in self._fields(position, end):
            known = plan.fields.get(number)
            if known is None or not _fits(known, wire_type):
                self._found.add(path, f"field number {number} is not in {plan.name} of this gateway's contract")
                continue
            place = f"{path}.{known.name}" if path else known.name
            if known.enum is not None:
                index = counts.get(known.name, 0)
                counts[known.name] = self._enums(known, wire_type, start, stop, place=place, index=index)
            elif known.repeated:
                index = counts.get(known.name, 0)
                counts[known.name] = index + 1
                place = f"{place}[{index}]"
                if known.is_map:
                    self._note_key(known, keys, start, stop, place)
            if not known.repeated:
                self._note_once(known, seen, place)
            if known.inner is not None:
                self.message(start, stop, known.inner, place)

    def _note_once(self, known: _Field, seen: dict[str, str], place: str) -> None:
        slot = known.oneof or known.name
        earlier = seen.get(slot)
        if earlier == known.name:
            self._found.add(place, "is in the message twice")
        elif earlier is not None:
            self._found.add(place, f"{earlier} is set as well: only one of them may be")
        seen[slot] = known.name

    def _note_key(self, known: _Field, keys: set[tuple[str, bytes]], start: int, stop: int, place: str) -> None:
        key = next((self._data[a:b] for number, _, a, b in self._fields(start, stop) if number == 1), b"")
        if (known.name, key) in keys:
            self._found.add(place, "has the same key as an entry before it")
        keys.add((known.name, key))

    def _enums(self, known: _Field, wire_type: int, start: int, stop: int, *, place: str, index: int) -> int:
        """Check one number, or the numbers of a packed block; how many items of the field there were by then."""
        position = start
        while position < stop:
            value, position = self._varint(position)
            if value not in (known.enum or ()):
                where = f"{place}[{index}]" if known.repeated else place
                self._found.add(where, f"{_signed(value)} is no value of this enum in this gateway's contract")
            index += 1
            if wire_type == _VARINT:
                break
        return index

    def _fields(self, position: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """(field number, wire type, start, stop) of each field; a group, whatever is in it, is one."""
        while position < end:
            number, wire_type, start, stop = self._field(position)
            depth = 1 if wire_type == _START_GROUP else 0
            while depth:
                _, inner, _, stop = self._field(stop)
                depth += (inner == _START_GROUP) - (inner == _END_GROUP)
            yield number, wire_type, start, stop
            position = stop

    def _field(self, position: int) -> tuple[int, int, int, int]:
        """The field at a position; of a group, the tag that begins or ends it."""
        self._count += 1
        if self._count > MAX_FIELDS:
            raise _unreadable(f"the message holds more than {MAX_FIELDS:,} fields")
        tag, position = self._varint(position)
        wire_type = tag & 7
        start = position
        if wire_type == _VARINT:
            _, position = self._varint(position)
        elif wire_type == _BYTES:
            length, start = self._varint(position)
            position = start + length
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        return tag >> 3, wire_type, start, position

    def _varint(self, position: int) -> tuple[int, int]:
        data = self._data
        byte = data[position]
        position += 1
        if byte < 0x80:  # noqa: PLR2004 - the varint's continuation bit
            return byte, position
        value = byte & 0x7F
        shift = 7
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the varint's continuation bit
                return value, position
            shift += 7


def _fits(known: _Field, wire_type: int) -> bool:
    """Whether a parser reads this wire type as the field: repeated numbers come packed or one by one."""
    return wire_type == known.wire_type or (known.repeated and wire_type == _BYTES and known.wire_type == _VARINT)


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
