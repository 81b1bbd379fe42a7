"""What a rule can speak of: the fields of a StartJobRun, found by their snake_case path."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf
from typing import Any

from emrgateway_server import conformance
from emrgateway_server.findings import Findings
from emrgateway_server.globs import Kind
from emrgateway_server.shapes import Shape, field_name, request_shape

TAGS = "tags."
RESERVED_TAG_PREFIXES = ("aws:", "emr-gateway:")
DEFAULT_TIMEOUT_MINUTES = 720  # AWS's, for a batch job that says nothing

# They say which submission this is: amended, a retry would be another one.
_NEVER_AMENDED = frozenset({"application_id", "client_token"})
_LATER = ("spark.", "configurations[")
_LATER_WHOLE = frozenset(
    {"artifacts", "classifications", "destinations", "kms_keys", "max_cost_usd", "max_runtime_minutes", "roles"}
)
# Those of paths may hold URLs too, which their values' look tells. Every other field is plain.
_GLOB_KINDS = {
    "IAMRoleArn": Kind.ARN,
    "Arn": Kind.ARN,
    "EncryptionKeyArn": Kind.ARN,
    "LogGroupName": Kind.LOG_GROUP,
    "EntryPointPath": Kind.PATH,
    "InitScriptPath": Kind.PATH,
    "PrometheusUrlString": Kind.PATH,
    "Query": Kind.PATH,
    "UriString": Kind.PATH,
}
_DRIVER_DEPTH = 2  # job_driver and job_driver.hive can be spoken of whatever the driver is
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"[-+]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][-+]?[0-9]{1,2})?")

Scalar = str | int | bool


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `members` is AWS's path to it; `shape` is its own, a list's element's included in it.

    `kind` is string, number, boolean, list (of strings) or message.
    """

    path: str
    members: tuple[str, ...]
    shape: Shape
    kind: str
    sensitive: bool

    @property
    def writable(self) -> bool:
        """Whether policy may amend it."""
        return self.kind in ("string", "number", "boolean") and self.path not in _NEVER_AMENDED

    @property
    def glob_kind(self) -> Kind:
        """What separates its values' segments."""
        return _GLOB_KINDS.get((self.shape.element or self.shape).name, Kind.PLAIN)

    def exists(self, request: Mapping[str, Any]) -> bool:
        """Whether the request can have it: a Hive job has no Spark fields, and the other way round."""
        driver = request.get("jobDriver", {})
        return self.members[0] != "jobDriver" or len(self.members) <= _DRIVER_DEPTH or self.members[1] in driver

    def get(self, request: Mapping[str, Any]) -> object:
        """Its value in AWS's form, None where it is unset."""
        value: Any = request
        for member in self.members:
            value = value.get(member) if isinstance(value, Mapping) else None
        return value

    def put(self, request: dict[str, Any], value: Scalar) -> None:
        """Set it, making the messages around it where they are absent."""
        for member in self.members[:-1]:
            request = request.setdefault(member, {})
        request[self.members[-1]] = value

    def number(self, request: Mapping[str, Any]) -> float | None:
        """Its value as AWS counts it: infinity where unlimited, None where it is unset and AWS's default is unknown.

        ValueError where it is not a number.
        """
        value = self.get(request)
        if self.path == "execution_timeout_minutes":
            if value is None:
                value = 0 if request.get("mode") == "STREAMING" else DEFAULT_TIMEOUT_MINUTES
            return inf if value == 0 else _number(value)
        return None if value is None else _number(value)

    def texts(self, request: Mapping[str, Any]) -> list[str]:
        """Its value, or each item of it, as text; empty where it is unset."""
        value = self.get(request)
        if value is None:
            return []
        return [shown(item) for item in value] if isinstance(value, list) else [shown(value)]

    def normal(self, text: str) -> str:
        """A policy's value as AWS writes it: the contract's enum names are AWS's with a prefix."""
        if not self.shape.enum:
            return text
        return text.removeprefix(field_name(self.shape.name).upper() + "_")

    def value_of(self, text: str) -> Scalar:
        """A policy's text as a value of the field. ValueError says what is wrong with it."""
        value: Scalar = self.normal(text)
        if self.kind == "number":
            if not _WHOLE_NUMBER.fullmatch(text):
                raise ValueError(f"{self.path} is a whole number, and {text!r} is none")
            value = int(text)
        elif self.kind == "boolean":
            if text not in ("true", "false"):
                raise ValueError(f"{self.path} is true or false, and {text!r} is neither")
            value = text == "true"
        found = Findings()
        conformance.check_value(value, self.shape, self.path, found)
        if found.kept:
            raise ValueError(f"AWS refuses this value of {self.path}: {found.kept[0].description}")
        return value


def find(path: str) -> Field:
    """The field of a path; ValueError where there is none."""
    if path.startswith(TAGS):
        return _tag(path)
    field = _catalogue().get(path)
    if field is not None:
        return field
    if path in _LATER_WHOLE or path.startswith(_LATER):
        raise ValueError(f"the field {path} is not in this version yet")
    near = difflib.get_close_matches(path, _catalogue(), n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"unknown field {path!r}{hint}: fields are paths of StartJobRunRequest in snake_case, or tags.KEY")


def shown(value: object) -> str:
    """A value as text: booleans as YAML and JSON write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _tag(path: str) -> Field:
    key = path.removeprefix(TAGS)
    shape = request_shape("StartJobRun").members["tags"]
    if shape.key is None or shape.element is None:
        raise TypeError("the model's tags are no map")
    found = Findings()
    conformance.check_value(key, shape.key, path, found)
    if found.kept:
        raise ValueError(f"{path}: no tag has this key: {found.kept[0].description}")
    if key.strip().lower().startswith(RESERVED_TAG_PREFIXES):
        raise ValueError(f"{path}: keys that begin with {' or '.join(RESERVED_TAG_PREFIXES)} are reserved")
    return Field(path, ("tags", key), shape.element, "string", sensitive=False)


@cache
def _catalogue() -> dict[str, Field]:
    fields: dict[str, Field] = {}
    _collect(request_shape("StartJobRun"), (), sensitive=False, fields=fields)
    return fields


def _collect(shape: Shape, members: tuple[str, ...], *, sensitive: bool, fields: dict[str, Field]) -> None:
    for member, inner in shape.members.items():
        here = (*members, member)
        hidden = sensitive or inner.sensitive or bool(inner.element and inner.element.sensitive)
        kind = _KINDS.get(inner.kind)
        if kind and (kind != "list" or (inner.element and inner.element.kind == "string")):
            path = ".".join(map(field_name, here))
            fields[path] = Field(path, here, inner, kind, hidden)
        if inner.kind == "structure":
            _collect(inner, here, sensitive=hidden, fields=fields)


_KINDS = {
    "string": "string",
    "integer": "number",
    "long": "number",
    "boolean": "boolean",
    "list": "list",
    "structure": "message",
}


def _number(value: object) -> float:
    """The number that a value is in decimal; ValueError where it is none, or an infinite one."""
    if isinstance(value, bool) or not _NUMBER.fullmatch(str(value)):
        raise ValueError(str(value))
    return float(str(value))
