"""Tree → message, by the message's own descriptor: nothing here knows a member's name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from emrgateway_client import _fields
from emrgateway_client._tree import At, Items, Mark, Node, Pairs, Scalar, Unreadable, kind

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, EnumDescriptor
    from google.protobuf.message import Message

_Value: TypeAlias = str | int | float | bool

_INT32: Final = 2**31
_INT64: Final = 2**63
_RANGES: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-_INT32, _INT32 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2 * _INT32 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-_INT64, _INT64 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2 * _INT64 - 1),
}
_64_BITS: Final = frozenset({FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64})
_FRACTIONS: Final = frozenset({FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT})
# As many digits as any 64-bit number has: a longer one is out of range whatever they are.
_MOST_DIGITS: Final = 20


def parse(node: Node, message: Message, at: At) -> None:
    """Fill `message` from `node`; everything that is wrong is noted at `at`, and nothing is raised."""
    if not isinstance(node, Pairs):
        _refuse(node, "wants a mapping", at)
        return
    descriptor = _fields.descriptor(message)
    spellings = _fields.spellings(descriptor)
    keys = _keys(node, at)
    given: dict[str, str] = {}
    for key, mark, value in keys:
        member = spellings.get(key)
        if member is None:
            at.member(key).add(_unknown(key, descriptor), mark)
        elif member.name in given:
            both = f"given twice, as {given[member.name]} and as {key}: keep one"
            at.member(key).add(both, mark)
        else:
            given[member.name] = key
            _member(value, message, member, at.member(key))
    set_members = {spellings[key].name: key for key, _, value in keys if key in spellings and not _is_null(value)}
    _one_of(descriptor, set_members, at, node.mark)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def _keys(node: Pairs, at: At) -> list[tuple[str, Mark | None, Node]]:
    """A mapping's keys that are strings and met for the first time, each with its place and its value."""
    first: dict[str, Mark | None] = {}
    keys = []
    for key, value in node.pairs:
        text = _string(key, at, what="a key must be a string")
        if text is None:
            continue
        if text in first:
            earlier = first[text]
            where = f", first on line {earlier.line}" if earlier else ""
            at.member(text).add(f"given twice{where}: keep one", key.mark)
            continue
        first[text] = key.mark
        keys.append((text, key.mark, value))
    return keys


def _unknown(key: str, message: Descriptor) -> str:
    allowed = [member.name if "_" in key else member.json_name for member in message.fields]
    meant = _fields.near(key, allowed)
    hint = f"did you mean {meant}? " if meant else ""
    return f"unknown member; {hint}allowed: {', '.join(allowed)}"


def _one_of(message: Descriptor, given: dict[str, str], at: At, mark: Mark | None) -> None:
    for choice in message.oneofs:
        chosen = [given[member.name] for member in choice.fields if member.name in given]
        if len(chosen) > 1:
            at.add(f"only one of {', '.join(chosen)} may be set", mark)


def _member(node: Node, message: Message, member: FieldDescriptor, at: At) -> None:
    if _is_null(node):
        return
    entry = _fields.map_entry(member)
    if entry is not None:
        _map(node, message, member, entry, at)
    elif _fields.is_repeated(member):
        _list(node, message, member, at)
    elif member.message_type is not None:
        child = getattr(message, member.name)
        child.SetInParent()
        _message(node, child, at)
    else:
        value = _scalar(node, member, at)
        if value is not None:
            setattr(message, member.name, value)


def _message(node: Node, child: Message, at: At) -> None:
    if isinstance(child, Timestamp):
        _timestamp(node, child, at)
    elif _fields.descriptor(child).full_name == _fields.STRING_LIST and not isinstance(node, Pairs):
        _list(node, child, _fields.descriptor(child).fields_by_name["values"], at)
    else:
        parse(node, child, at)


def _list(node: Node, message: Message, member: FieldDescriptor, at: At) -> None:
    if not isinstance(node, Items):
        _refuse(node, "wants a list", at)
        return
    target = getattr(message, member.name)
    for index, item in enumerate(node.items):
        there = at.item(index)
        if member.message_type is not None:
            _message(item, target.add(), there)
        elif (value := _scalar(item, member, there)) is not None:
            target.append(value)


def _map(node: Node, message: Message, member: FieldDescriptor, entry: Descriptor, at: At) -> None:
    if not isinstance(node, Pairs):
        _refuse(node, "wants a mapping", at)
        return
    target = getattr(message, member.name)
    value_member = entry.fields_by_name["value"]
    for key, _, item in _keys(node, at):
        there = at.member(key)
        if value_member.message_type is not None:
            _message(item, target[key], there)
        elif (value := _scalar(item, value_member, there)) is not None:
            target[key] = value


def _timestamp(node: Node, message: Timestamp, at: At) -> None:
    wanted = "wants an RFC 3339 time such as 2026-11-01T00:00:00Z"
    # A bare time, which YAML 1.1 would make a date of, can be nothing else here.
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        _refuse(node, wanted, at)
        return
    try:
        message.FromJsonString(node.value)
    except ValueError:
        at.add(wanted, node.mark)


def _scalar(node: Node, member: FieldDescriptor, at: At) -> _Value | None:
    if member.type == FieldDescriptor.TYPE_STRING:
        return _string(node, at)
    if member.cpp_type in _RANGES:
        return _integer(node, member.cpp_type, at)
    if member.enum_type is not None:
        return _enum(node, member.enum_type, at)
    if member.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return _boolean(node, at)
    if member.cpp_type in _FRACTIONS:
        return _fraction(node, at)
    at.add("cannot be given in a document", node.mark)
    return None


def _boolean(node: Node, at: At) -> bool | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    _refuse(node, "wants a boolean, true or false", at)
    return None


def _string(node: Node, at: At, what: str = "wants a string") -> str | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        mend = "" if not isinstance(node, Scalar) or node.value is None else ": put it in quotes"
        _refuse(node, what, at, mend)
        return None
    if node.surprise:
        at.add(f"{what}, and {node.surprise}: put it in quotes", node.mark)
        return None
    try:
        node.value.encode()
    except UnicodeEncodeError:
        at.add(f"{what}, and half of a surrogate pair is no character", node.mark)
        return None
    return node.value


def _integer(node: Node, cpp_type: int, at: At) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    # proto JSON writes a 64-bit number as a string, so that what `-o json` printed can be read again.
    if cpp_type in _64_BITS and isinstance(node, Scalar) and not node.surprise and isinstance(value, str):
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS:
            value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(node, "wants a whole number in decimal", at)
        return None
    low, high = _RANGES[cpp_type]
    if not low <= value <= high:
        at.add(f"wants a whole number from {low} to {high}", node.mark)
        return None
    return value


def _fraction(node: Node, at: At) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse(node, "wants a finite number", at)
        return None
    return float(value)


def _enum(node: Node, enum: EnumDescriptor, at: At) -> int | None:
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        _refuse(node, "wants a string", at)
        return None
    number = _fields.enum_number(enum, node.value)
    if number is None:
        allowed = list(_fields.enum_words(enum))
        meant = _fields.near(node.value, allowed)
        hint = f"did you mean {meant}? " if meant else ""
        at.add(f"no such value; {hint}allowed: {', '.join(allowed)}", node.mark)
    return number


def _refuse(node: Node, wanted: str, at: At, mend: str = "") -> None:
    """Say what was wanted and what kind of thing was found, never the thing itself."""
    if isinstance(node, Unreadable):
        at.add(node.message, node.mark)
    elif isinstance(node, Scalar) and node.surprise:
        at.add(f"{wanted}, and {node.surprise}", node.mark)
    else:
        at.add(f"{wanted}, found {kind(node)}{mend}", node.mark)
