"""AWS's own model of EMR Serverless, as botocore ships it: the one source of names, types and limits.

Everything that must agree with AWS (validation, translation, policy's fields) is compiled from here, so that the next
botocore changes them all at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

SERVICE = "emr-serverless"
OPERATIONS = (
    "StartJobRun",
    "GetJobRun",
    "ListJobRuns",
    "CancelJobRun",
    "ListJobRunAttempts",
    "GetDashboardForJobRun",
)


@dataclass(slots=True, eq=False)
class Shape:
    """One shape of the model.

    `kind` is botocore's type name: structure, list, map, string, integer, long, double, boolean or timestamp.
    `minimum` and `maximum` bound the characters, items, entries or value. `members` is keyed by AWS's name;
    `element` is a list's, `key` and `element` are a map's. `sensitive` holds for all that stands inside as well.
    """

    name: str
    kind: str
    minimum: int | None = None
    maximum: int | None = None
    pattern: str | None = None
    enum: frozenset[str] = frozenset()
    sensitive: bool = False
    union: bool = False
    members: dict[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    element: Shape | None = None
    key: Shape | None = None


def field_name(member: str) -> str:
    """The contract's field for a member of AWS's: `executionRoleArn` → `execution_role_arn`."""
    name: str = xform_name(member)
    return name


def request_shape(operation: str) -> Shape:
    """The input of an operation."""
    return _compiled(operation)[0]


def response_shape(operation: str) -> Shape:
    """The output of an operation."""
    return _compiled(operation)[1]


@cache
def service_model() -> ServiceModel:
    """Botocore's model of the service."""
    return ServiceModel(Loader().load_service_model(SERVICE, "service-2"), SERVICE)


@cache
def member_names() -> frozenset[str]:
    """The names of every member of every operation's shapes: AWS's words, never a caller's."""
    for operation in OPERATIONS:
        _compiled(operation)
    return frozenset(member for shape in _made.values() for member in shape.members)


@cache
def _compiled(operation: str) -> tuple[Shape, Shape]:
    model = service_model().operation_model(operation)
    return _shape(model.input_shape.name), _shape(model.output_shape.name)


_made: dict[str, Shape] = {}


def _shape(name: str) -> Shape:
    """The compiled shape of a name; made once, so that recursive shapes close on themselves."""
    if name in _made:
        return _made[name]
    source: Any = service_model().shape_for(name)
    limits = source.metadata
    shape = _made[name] = Shape(
        name=name,
        kind=source.type_name,
        minimum=limits.get("min"),
        maximum=limits.get("max"),
        pattern=limits.get("pattern"),
        enum=frozenset(limits.get("enum", ())),
        sensitive=bool(limits.get("sensitive")),
        union=bool(limits.get("union")),
    )
    if shape.kind == "structure":
        shape.members = {member: _shape(inner.name) for member, inner in source.members.items()}
        shape.required = frozenset(source.required_members)
    elif shape.kind == "list":
        shape.element = _shape(source.member.name)
    elif shape.kind == "map":
        shape.key, shape.element = _shape(source.key.name), _shape(source.value.name)
    return shape
