"""Reads an operation's input from the URI, the query and the body, as AWS's rest-json protocol places it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from . import _model
from ._check import Check
from ._errors import validation


def read_input(shape_name: str, uri: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
    """Read an operation's input, and check it against the model.

    Unknown members and nulls are left out, as AWS does. Raises AwsError (ValidationException) naming every violation.
    """
    values: dict[str, Any] = {**_body_object(body), **uri}
    parameters = parse_qs(query, keep_blank_values=True)
    for name, member in _model.shape(shape_name)["members"].items():
        if member.get("location") == "querystring":
            values[name] = _from_query(member, parameters.get(member["locationName"]), name)
    check = Check()
    cleaned: dict[str, Any] = check.value(shape_name, values)
    if violations := check.violations:
        plural = "" if len(violations) == 1 else "s"
        raise validation(f"{len(violations)} validation error{plural} detected: {'; '.join(violations)}")
    return cleaned


def _body_object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise validation("The request's body is not valid JSON") from None
    if not isinstance(values, dict):
        raise validation("The request's body is not a JSON object")
    return values


def _from_query(member: _model.Shape, texts: list[str] | None, name: str) -> object:
    kind = _model.shape(member["shape"])["type"]
    if texts is None or kind == "list":
        return texts
    try:
        return _QUERY_READERS.get(kind, str)(texts[-1])
    except ValueError:
        raise validation(f"1 validation error detected: Value at '{name}' is no {kind}") from None


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_QUERY_READERS: Final[Mapping[str, Callable[[str], object]]] = {
    "boolean": _boolean,
    "integer": int,
    "timestamp": _timestamp,
}
