"""Fields that are a path of the request itself, and tags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import Any

from emrgateway_server import conformance
from emrgateway_server.findings import Findings
from emrgateway_server.globs import Kind
from emrgateway_server.policy.field import Bound, Field, Scalar, decimal, decimal_number
from emrgateway_server.policy.subject import Subject, View
from emrgateway_server.shapes import Shape, field_name

DEFAULT_TIMEOUT_MINUTES = 720  # AWS's, for a batch job that says nothing

# They say which submission this is: amended, a retry would be another one.
_NEVER_AMENDED = frozenset({"application_id", "client_token"})
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


class RequestField(Field):
    """A member of the request. `members` is AWS's path to it; `shape` is its own, a list's element's included in it."""

    def __init__(self, path: str, members: tuple[str, ...], shape: Shape, kind: str, *, sensitive: bool) -> None:
        super().__init__(path, kind, sensitive=sensitive)
        self.members = members
        self.shape = shape
        self.writable = kind in ("string", "number", "boolean") and path not in _NEVER_AMENDED
        self._glob_kind = _GLOB_KINDS.get((shape.element or shape).name, Kind.PLAIN)

    def exists(self, request: Mapping[str, Any]) -> bool:
        """Whether the request can have it: a Hive job has no Spark fields, and the other way round."""
        driver = request.get("jobDriver", {})
        return self.members[0] != "jobDriver" or len(self.members) <= _DRIVER_DEPTH or self.members[1] in driver

    def get(self, view: View) -> object:
        """Its value in AWS's form, None where it is unset."""
        value: Any = view.subject.request
        for member in self.members:
            value = value.get(member) if isinstance(value, dict) else None
        return value

    def put(self, subject: Subject, value: Scalar) -> None:
        """Set it, making the messages around it where they are absent."""
        subject.put(self.members, value)

    def number(self, view: View) -> float | None:
        """Its value as AWS counts it: an unset timeout has a default, and 0 is unlimited."""
        if self.path == "execution_timeout_minutes":
            return timeout_minutes(view.request)
        value = self.get(view)
        return None if value is None else decimal_number(value)

    def glob_kind(self, text: str) -> Kind:  # noqa: ARG002 - one for all its texts
        """What separates its values' segments."""
        return self._glob_kind

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

    def bound(self, given: str | float) -> Bound:
        """A policy's `min` or `max`. ValueError says what is wrong with it."""
        if self.shape.enum:
            raise ValueError(f"{self.path} is no number")
        if self.kind == "number" and isinstance(given, float):
            raise ValueError(f"{self.path} is a whole number")
        return super().bound(given)

    def bounded(self, bound: Bound) -> Scalar:
        """A bound as a value of the field."""
        return int(bound.number) if self.kind == "number" else decimal(bound.number)


def timeout_minutes(request: Mapping[str, Any]) -> float:
    """How long a run may take: 720 minutes where a batch job says nothing; 0, or unset in streaming, is unlimited."""
    value = request.get("executionTimeoutMinutes")
    if value is None:
        return inf if request.get("mode") == "STREAMING" else DEFAULT_TIMEOUT_MINUTES
    return inf if value == 0 else float(value)
