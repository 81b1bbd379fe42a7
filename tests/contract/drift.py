"""The contract against botocore's model: every member there, in the form that the naming rules give it.

The rules: field = `xform_name(member)`; message and enum = the shape's name; enum value = UPPER_SNAKE(enum) + `_` +
AWS's value, 0 is `…_UNSPECIFIED`; a map of lists is `map<string, StringList>`; AWS times are Timestamps; long → int64,
integer → int32; `optional` wherever zero differs from unset. Field numbers from 100 on are the gateway's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from botocore import xform_name
from botocore.model import ServiceModel
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from emrgateway.v1 import job_run_service_pb2 as pb

# A member of AWS's that the contract leaves out on purpose: "Shape.member" → why.
LEFT_OUT: Mapping[str, str] = {}
# The gateway's own: "Message.field" → why.
OURS: Mapping[str, str] = {
    "ListJobRunsRequest.name": "AWS's list filters by no name, and the gateway looks at each run as it is",
    "StartJobRunRequest.validate_only": "judge, and stop before AWS (AIP-163)",
    "StartJobRunResponse.decision": "what policy made of the request",
    "StartJobRunResponse.effective_request": "the request as amended",
}
FIRST_OF_OURS = 100

_PLAIN = {
    "string": FieldDescriptor.TYPE_STRING,
    "boolean": FieldDescriptor.TYPE_BOOL,
    "integer": FieldDescriptor.TYPE_INT32,
    "long": FieldDescriptor.TYPE_INT64,
    "double": FieldDescriptor.TYPE_DOUBLE,
}
_TIMESTAMP = "google.protobuf.Timestamp"
_STRING_LIST = "emrgateway.v1.StringList"


def differences(
    model: Mapping[str, Any],
    operations: Collection[str],
    *,
    left_out: Mapping[str, str] = LEFT_OUT,
    ours: Mapping[str, str] = OURS,
) -> list[str]:
    """What the contract lacks, has too much, or says otherwise than a service model (the JSON that botocore loads)."""
    return list(_Comparison(ServiceModel(dict(model), "emr-serverless"), left_out, ours).all(operations))


class _Comparison:
    def __init__(self, model: ServiceModel, left_out: Mapping[str, str], ours: Mapping[str, str]) -> None:
        self._model = model
        self._left_out = left_out
        self._ours = ours
        self._seen: set[str] = set()
        self._used: set[str] = set()

    def all(self, operations: Collection[str]) -> Iterator[str]:
        methods = pb.DESCRIPTOR.services_by_name["JobRunService"].methods_by_name
        for operation in operations:
            if operation not in methods:
                yield f"{operation}: JobRunService has no such method"
                continue
            shapes = self._model.operation_model(operation)
            yield from self._message(shapes.input_shape, methods[operation].input_type)
            yield from self._message(shapes.output_shape, methods[operation].output_type)
        for entry in sorted({*self._left_out, *self._ours} - self._used):
            yield f"{entry}: listed as an exception, and is none"

    def _message(self, shape: Any, message: Descriptor) -> Iterator[str]:  # noqa: ANN401 - botocore has no types
        if message.full_name != f"emrgateway.v1.{shape.name}":
            yield f"{shape.name}: the message is named {message.full_name}"
        if shape.name in self._seen:
            return
        self._seen.add(shape.name)
        fields = {xform_name(member): member for member in shape.members}
        for name, member in fields.items():
            place = f"{shape.name}.{member}"
            if place in self._left_out:
                self._used.add(place)
            elif name not in message.fields_by_name:
                yield f"{place}: {message.name} has no field {name}"
            else:
                yield from self._field(shape, member, message.fields_by_name[name])
        for field in message.fields:
            if field.name not in fields:
                yield from self._extra(field, f"{message.name}.{field.name}")

    def _extra(self, field: FieldDescriptor, place: str) -> Iterator[str]:
        if place not in self._ours:
            yield f"{place}: no member of AWS's, nor listed as the gateway's own"
        else:
            self._used.add(place)
            if field.number < FIRST_OF_OURS:
                yield f"{place}: the gateway's own fields have numbers from {FIRST_OF_OURS} on"

    def _field(self, owner: Any, member: str, field: FieldDescriptor) -> Iterator[str]:  # noqa: ANN401 - as above
        place, shape = f"{owner.name}.{member}", owner.members[member]
        if field.number >= FIRST_OF_OURS:
            yield f"{place}: AWS's members have numbers below {FIRST_OF_OURS}"
        if shape.type_name == "map":
            yield from self._map(shape, field, place)
        elif shape.type_name == "list":
            if not field.is_repeated or _is_map(field):
                yield f"{place}: is no repeated field"
            yield from self._type(shape.member, field, place)
        else:
            if field.is_repeated:
                yield f"{place}: is a repeated field"
            yield from self._type(shape, field, place)
            yield from self._presence(owner, member, field)

    def _presence(self, owner: Any, member: str, field: FieldDescriptor) -> Iterator[str]:  # noqa: ANN401 - as above
        place, shape = f"{owner.name}.{member}", owner.members[member]
        oneof = field.containing_oneof
        in_union = oneof is not None and not oneof.name.startswith("_")
        if in_union != bool(owner.metadata.get("union")):
            yield f"{place}: the members of a union, and only they, stand in a oneof"
        if not in_union and field.message_type is None and field.has_presence != _zero_is_a_value(owner, member):
            yield f"{place}: `optional` is {'needed' if not field.has_presence else 'not needed'} ({shape.type_name})"

    def _map(self, shape: Any, field: FieldDescriptor, place: str) -> Iterator[str]:  # noqa: ANN401 - as above
        if field.message_type is None or not _is_map(field):
            yield f"{place}: is no map"
            return
        entry = field.message_type.fields_by_name
        yield from self._type(shape.key, entry["key"], f"{place} (key)")
        if shape.value.type_name != "list":
            yield from self._type(shape.value, entry["value"], f"{place} (value)")
        elif entry["value"].message_type is None or entry["value"].message_type.full_name != _STRING_LIST:
            yield f"{place}: a map of lists is map<string, StringList>"
        elif shape.value.member.type_name != "string":
            yield f"{place}: StringList holds strings, not {shape.value.member.type_name}"

    def _type(self, shape: Any, field: FieldDescriptor, place: str) -> Iterator[str]:  # noqa: ANN401 - as above
        message = field.message_type.full_name if field.message_type else None
        if shape.type_name == "structure":
            if field.message_type is None:
                yield f"{place}: is no message"
            else:
                yield from self._message(shape, field.message_type)
        elif shape.type_name == "timestamp":
            if message != _TIMESTAMP:
                yield f"{place}: is no {_TIMESTAMP}"
        elif getattr(shape, "enum", None):
            yield from _enum(shape, field.enum_type, place)
        elif _PLAIN.get(shape.type_name) != field.type:
            yield f"{place}: {shape.type_name} has another type in the contract, or none there"


def _enum(shape: Any, enum: EnumDescriptor | None, place: str) -> Iterator[str]:  # noqa: ANN401 - as above
    if enum is None or enum.name != shape.name:
        yield f"{place}: is no enum {shape.name}"
        return
    prefix = xform_name(shape.name).upper()
    wanted = {f"{prefix}_UNSPECIFIED", *(f"{prefix}_{value}" for value in shape.enum)}
    there = {value.name for value in enum.values}
    yield from (f"{place}: {shape.name} has no value {name}" for name in sorted(wanted - there))
    yield from (f"{place}: AWS has no value for {name}" for name in sorted(there - wanted))
    if enum.values_by_number[0].name != f"{prefix}_UNSPECIFIED":
        yield f"{place}: 0 is not {prefix}_UNSPECIFIED"


def _zero_is_a_value(owner: Any, member: str) -> bool:  # noqa: ANN401 - as above
    """Whether zero says something else than nothing: not of an enum, nor of a string that is there and not empty."""
    shape = owner.members[member]
    if getattr(shape, "enum", None):
        return False
    must_have_text = member in owner.required_members and shape.metadata.get("min", 0) > 0
    return not (shape.type_name == "string" and must_have_text)


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
