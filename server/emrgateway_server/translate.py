"""The one translation between the contract and AWS's form, pure, both ways.

Names follow from AWS's by rule, so both directions are compiled from the descriptor and the shape. What the contract
cannot tell apart is settled here: an empty list or map is left out, but a Configuration with neither properties nor
configurations is sent with `properties: {}`, which AWS reads as "remove the application's"; a present, empty message
is sent as `{}`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from emrgateway.v1.job_configuration_pb2 import StringList
from emrgateway_server.shapes import Shape, field_name

_Message = TypeVar("_Message", bound=Message)

_BITS = {"integer": 31, "long": 63}


def to_aws(message: Message, shape: Shape) -> dict[str, object]:
    """A message as boto3 takes it. Fields that AWS does not have are left out, and so are enum numbers it does not."""
    return {
        part.member: part.to_aws(getattr(message, part.field))
        for part in _parts(message.DESCRIPTOR, shape)
        if part.is_set(message)
    } | _emptied(message, shape)


def from_aws(value: Mapping[str, Any], message_class: type[_Message], shape: Shape) -> _Message:
    """AWS's form as a message. Members that the contract does not have, and enum values to come, are left out."""
    return message_class(**_said(value, cast("Descriptor", message_class.DESCRIPTOR), shape))


def sayable(value: object, shape: Shape) -> Any:  # noqa: ANN401 - of the shape's kind
    """What the contract can say of a reply of AWS's; None, or left out, where it is of another kind than the model's.

    A reply must not be lost with its job run id because of what stands beside the id.
    """
    if shape.kind == "structure" and isinstance(value, dict):
        said = ((member, sayable(value.get(member), inner)) for member, inner in shape.members.items())
        return {member: inner for member, inner in said if inner is not None}
    if shape.kind == "list" and isinstance(value, list):
        return [inner for inner in (sayable(each, _element(shape)) for each in value) if inner is not None]
    if shape.kind == "map" and isinstance(value, dict):
        said = ((key, sayable(each, _element(shape))) for key, each in value.items() if _is_sayable(key, "string"))
        return {key: inner for key, inner in said if inner is not None}
    return value if _is_sayable(value, shape.kind) else None


def public(value: Any, shape: Shape) -> Any:  # noqa: ANN401 - of the shape's kind
    """What `sayable` gave, less all that AWS's model marks sensitive; what holds it stays, though it be empty."""
    if shape.kind == "structure":
        return {
            member: public(inner, shape.members[member])
            for member, inner in value.items()
            if not _is_sensitive(shape.members[member])
        }
    if shape.kind == "list":
        return [public(inner, _element(shape)) for inner in value]
    if shape.kind == "map":
        return {key: public(inner, _element(shape)) for key, inner in value.items()}
    return value


def _is_sensitive(shape: Shape) -> bool:
    inside = (shape, shape.key, shape.element)
    return any(part is not None and part.sensitive for part in inside)


def _is_sayable(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string" and value.encode(errors="replace").decode() == value  # no lone surrogate
    if isinstance(value, int):
        return (kind in _BITS and -(1 << _BITS[kind]) <= value < 1 << _BITS[kind]) or kind == "double"
    return isinstance(value, {"double": float, "timestamp": dt.datetime}.get(kind, ()))


@dataclass(frozen=True, slots=True)
class _Part:
    """One field and the member it stands for; `said` makes of AWS's value what a message's constructor takes."""

    field: str
    member: str
    shape: Shape
    is_set: Callable[[Message], bool]
    to_aws: Callable[[Any], object]
    said: Callable[[Any], object] | None


@cache
def _parts(descriptor: Descriptor, shape: Shape) -> tuple[_Part, ...]:
    members = {field_name(member): member for member in shape.members}
    return tuple(
        _part(item, members[item.name], shape.members[members[item.name]])
        for item in descriptor.fields
        if item.name in members
    )


def _part(item: FieldDescriptor, member: str, shape: Shape) -> _Part:
    name = item.name
    converters = {"list": _list_converters, "map": _map_converters}.get(shape.kind, _single_converters)
    convert, said = converters(item, shape)
    if item.has_presence:
        return _Part(name, member, shape, lambda message: message.HasField(name), convert, said)
    if item.enum_type and shape.kind == "string":
        known = frozenset(number for number in _enum_names(item.enum_type) if number)
        return _Part(name, member, shape, lambda message: getattr(message, name) in known, convert, said)
    return _Part(name, member, shape, lambda message: bool(getattr(message, name)), convert, said)


_Converters: TypeAlias = tuple[Callable[[Any], object], Callable[[Any], object] | None]


def _single_converters(item: FieldDescriptor, shape: Shape) -> _Converters:
    if shape.kind == "structure":
        inner = _descriptor(item)
        return lambda value: to_aws(value, shape), lambda value: _said(value, inner, shape)
    if shape.kind == "timestamp":
        return _datetime, _timestamp
    if item.enum_type:
        names, numbers = _enum_names(item.enum_type), _enum_numbers(item.enum_type)
        return names.__getitem__, lambda value: numbers.get(value, 0)
    return lambda value: value, None


def _list_converters(item: FieldDescriptor, shape: Shape) -> _Converters:
    element = _element(shape)
    if element.kind == "structure":
        inner = _descriptor(item)
        return (
            lambda value: [to_aws(each, element) for each in value],
            lambda value: [_said(each, inner, element) for each in value],
        )
    if item.enum_type:
        names, numbers = _enum_names(item.enum_type), _enum_numbers(item.enum_type)
        return (
            lambda value: [names[number] for number in value if number in names],
            lambda value: [numbers.get(each, 0) for each in value],
        )
    return list, None


def _map_converters(item: FieldDescriptor, shape: Shape) -> _Converters:
    element = _element(shape)
    if element.kind == "structure":
        inner = _descriptor(_descriptor(item).fields_by_name["value"])
        inner_class = GetMessageClass(inner)
        return (
            lambda value: {key: to_aws(each, element) for key, each in value.items()},
            lambda value: {key: inner_class(**_said(each, inner, element)) for key, each in value.items()},
        )
    if element.kind == "list":
        return (
            lambda value: {key: list(each.values) for key, each in value.items()},
            lambda value: {key: StringList(values=each) for key, each in value.items()},
        )
    return dict, None


def _said(value: Mapping[str, Any], descriptor: Descriptor, shape: Shape) -> dict[str, Any]:
    """AWS's form of a structure as its message's constructor takes it, which fills it faster than Python can."""
    found = {}
    for part in _parts(descriptor, shape):
        inner = value.get(part.member)
        if inner is not None:
            found[part.field] = inner if part.said is None else part.said(inner)
    return found


def _emptied(message: Message, shape: Shape) -> dict[str, object]:
    """`properties: {}` of a Configuration that says nothing else."""
    if shape.name == "Configuration" and not (message.properties or message.configurations):  # type: ignore[attr-defined]
        return {"properties": {}}
    return {}


def _descriptor(item: FieldDescriptor) -> Descriptor:
    if item.message_type is None:
        raise TypeError(f"{item.name} holds no messages")
    return item.message_type


def _element(shape: Shape) -> Shape:
    if shape.element is None:
        raise TypeError(f"{shape.name} holds no elements")
    return shape.element


def _datetime(value: Timestamp) -> dt.datetime:
    """AWS's times have microseconds at the finest."""
    return value.ToDatetime(tzinfo=dt.UTC)


def _timestamp(value: dt.datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(value)
    return timestamp


@cache
def _enum_names(descriptor: EnumDescriptor) -> dict[int, str]:
    """Number → AWS's value: the name less its enum's prefix. 0 says nothing to AWS."""
    prefix = _prefix(descriptor)
    return {value.number: value.name.removeprefix(prefix) for value in descriptor.values if value.number}


@cache
def _enum_numbers(descriptor: EnumDescriptor) -> dict[str, int]:
    return {name: number for number, name in _enum_names(descriptor).items()}


def _prefix(descriptor: EnumDescriptor) -> str:
    return descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
