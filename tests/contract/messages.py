"""Strategies for any message that the contract can say, made from its descriptors."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any, cast

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import shapes

from .drift import FIRST_OF_OURS

MAX_DEPTH = 6
MAX_ITEMS = 3

# (message class, shape) of everything that is translated: six operations, both ways.
TRANSLATED: dict[str, tuple[type[Message], shapes.Shape]] = {
    shape.name: (getattr(pb, shape.name), shape)
    for operation in shapes.OPERATIONS
    for shape in (shapes.request_shape(operation), shapes.response_shape(operation))
}
REQUESTS = {name: pair for name, pair in TRANSLATED.items() if name.endswith("Request")}

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_STRING: _TEXT,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
    FieldDescriptor.TYPE_DOUBLE: st.floats(allow_nan=False),
}


@st.composite
def timestamps(draw: st.DrawFn) -> Timestamp:
    """A time between the years 1 and 9999, to the microsecond: AWS's times are no finer."""
    made = Timestamp()
    made.FromDatetime(draw(st.datetimes(timezones=st.just(dt.UTC))))
    return made


def messages(message_class: type[Message]) -> st.SearchStrategy[Message]:
    """Any message of a class that AWS's form has words for: without the gateway's own fields.

    Enum numbers are those of the contract; 0 in a repeated field means an item that is left out, so it is not made.
    """
    return _messages(message_class.DESCRIPTOR, 0)


@cache
def _messages(descriptor: Descriptor, depth: int) -> st.SearchStrategy[Message]:
    if descriptor.full_name == Timestamp.DESCRIPTOR.full_name:
        return timestamps()
    return _some_message(descriptor, depth)


def _fields(descriptor: Descriptor) -> list[FieldDescriptor]:
    return [field for field in descriptor.fields if field.number < FIRST_OF_OURS]


@st.composite
def _some_message(draw: st.DrawFn, descriptor: Descriptor, depth: int) -> Message:
    message = class_of(descriptor)()
    fields = _fields(descriptor)
    if depth >= MAX_DEPTH:
        fields = [field for field in fields if field.message_type is not descriptor]
    if not fields:
        return message
    for number in sorted(draw(st.sets(st.sampled_from([field.number for field in fields]), max_size=8))):
        set_field(
            message, descriptor.fields_by_number[number], draw(_values(descriptor.fields_by_number[number], depth))
        )
    return message


@cache
def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if is_map(field) and field.message_type is not None:
        value = _single(field.message_type.fields_by_name["value"], depth)
        return st.dictionaries(_TEXT, value, max_size=MAX_ITEMS)
    if field.is_repeated:
        return st.lists(_single(field, depth), max_size=MAX_ITEMS)
    return _single(field, depth)


def _single(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return _messages(field.message_type, depth + 1)
    if field.enum_type is not None:
        numbers = [value.number for value in field.enum_type.values]
        return st.sampled_from([number for number in numbers if number or not field.is_repeated])
    return _SCALARS[field.type]


def set_field(message: Message, field: FieldDescriptor, value: Any) -> None:  # noqa: ANN401 - as the field wants it
    """Set a field of any kind: maps take a dict, repeated fields a list, and an empty message is there all the same."""
    if is_map(field) and field.message_type is not None:
        target = getattr(message, field.name)
        for key, item in value.items():
            if isinstance(item, Message):
                target[key].CopyFrom(item)
            else:
                target[key] = item
    elif field.is_repeated:
        getattr(message, field.name).extend(value)
    elif isinstance(value, Message):
        getattr(message, field.name).SetInParent()
        getattr(message, field.name).CopyFrom(value)
    else:
        setattr(message, field.name, value)


def everything(message_class: type[Message], *, zero: bool, depth: int = 0) -> Message:
    """A message with every field set, of a oneof the last: to zero, or to something else; recursion ends after two."""
    descriptor = cast("Descriptor", message_class.DESCRIPTOR)
    message = message_class()
    for field in _fields(descriptor):
        if not (field.message_type is descriptor and depth >= 2):
            set_field(message, field, _all_of(field, zero=zero, depth=depth))
    return message


def _all_of(field: FieldDescriptor, *, zero: bool, depth: int) -> Any:  # noqa: ANN401 - as the field wants it
    if is_map(field) and field.message_type is not None:
        value = field.message_type.fields_by_name["value"]
        return {"" if zero else "key": _one_of(value, zero=zero, depth=depth)}
    one = _one_of(field, zero=zero, depth=depth)
    return [one] if field.is_repeated else one


def _one_of(field: FieldDescriptor, *, zero: bool, depth: int) -> Any:  # noqa: ANN401 - as the field wants it
    if field.message_type is not None and field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
        return Timestamp() if zero else Timestamp(seconds=1, nanos=1_000)
    if field.message_type is not None:
        return everything(class_of(field.message_type), zero=zero, depth=depth + 1)
    if field.enum_type is not None:
        return 0 if zero and not field.is_repeated else 1
    if field.type == FieldDescriptor.TYPE_STRING:
        return "" if zero else "text"
    return 0 if zero else 1


def class_of(descriptor: Descriptor) -> type[Message]:
    """The class of a message, as the stubs have it."""
    pool = descriptor_pool.Default()
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.full_name))
    return found


def is_map(field: FieldDescriptor) -> bool:
    """Whether a field is a map."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
