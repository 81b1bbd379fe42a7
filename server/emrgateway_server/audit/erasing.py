"""A request less what AWS's model marks sensitive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from emrgateway_server.shapes import Shape


def erased(request: Mapping[str, Any], shape: Shape, pointer: str) -> tuple[dict[str, Any], list[str]]:
    """What may be told of a request in AWS's form, and JSON Pointers (RFC 6901) to what was taken out.

    What stood around a sensitive value stays, so that a Spark job is still seen to be one.
    """
    pointers: list[str] = []
    return cast("dict[str, Any]", _kept(request, shape, pointer, pointers)), pointers


def _kept(value: Any, shape: Shape, pointer: str, pointers: list[str]) -> object:  # noqa: ANN401 - of the shape's kind
    if shape.kind == "structure":
        return _kept_members(value, shape, pointer, pointers)
    if shape.kind == "list" and shape.element is not None and shape.element.kind in ("structure", "list", "map"):
        return [_kept(item, shape.element, f"{pointer}/{index}", pointers) for index, item in enumerate(value)]
    return value


def _kept_members(value: Mapping[str, Any], shape: Shape, pointer: str, pointers: list[str]) -> dict[str, object]:
    kept: dict[str, object] = {}
    for member, inner in value.items():
        known = shape.members.get(member)
        if known is None or _is_sensitive(known):  # what the model does not know may be anything
            pointers.append(f"{pointer}/{member}")
        else:
            kept[member] = _kept(inner, known, f"{pointer}/{member}", pointers)
    return kept


def _is_sensitive(shape: Shape) -> bool:
    """Whether a value, or any item or key of it, is sensitive: a list or map goes as a whole."""
    inner = (shape.element, shape.key)
    return shape.sensitive or any(
        part is not None and (part.sensitive or (part.kind != "structure" and _is_sensitive(part))) for part in inner
    )
