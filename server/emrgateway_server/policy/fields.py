"""What a rule can speak of: the paths of a StartJobRun in snake_case, and what is derived from it."""

from __future__ import annotations

import difflib
from functools import cache

from emrgateway_server import conformance
from emrgateway_server.findings import Findings
from emrgateway_server.policy import derived, setting_field
from emrgateway_server.policy.derived import Prices
from emrgateway_server.policy.field import Field
from emrgateway_server.policy.request_field import RequestField
from emrgateway_server.shapes import Shape, field_name, request_shape

TAGS = "tags."
RESERVED_TAG_PREFIXES = ("aws:", "emr-gateway:")

_KINDS = {
    "string": "string",
    "integer": "number",
    "long": "number",
    "boolean": "boolean",
    "list": "list",
    "structure": "message",
}


def find(path: str, prices: Prices | None = None) -> Field:
    """The field of a path; ValueError where there is none."""
    if path.startswith(TAGS):
        return _tag(path)
    field = _catalogue().get(path) or setting_field.find(path) or derived.find(path, prices)
    if field is not None:
        return field
    known = [*_catalogue(), *derived.NAMES]
    near = difflib.get_close_matches(path, known, n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"unknown field {path!r}{hint}: fields are paths of StartJobRunRequest in snake_case, tags.KEY, "
        "spark.conf[KEY], configurations[CLASSIFICATION][KEY], or what is derived from them"
    )


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
    return RequestField(path, ("tags", key), shape.element, "string", sensitive=False)


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
            fields[path] = RequestField(path, here, inner, kind, sensitive=hidden)
        if inner.kind == "structure":
            _collect(inner, here, sensitive=hidden, fields=fields)
