"""Replies with every member that AWS's model has, from the model itself: what is lost on the way cannot hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.loaders import Loader
from google.protobuf import json_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from google.protobuf.message import Message

_MODEL: Mapping[str, Any] = Loader().load_service_model("emr-serverless", "service-2")
_DEEPEST = 12  # a Configuration holds Configurations


class Populated:
    """A value of a shape with everything in it; of a union, the member that `drivers` names.

    `leaves` holds each text, number or time by its path in the contract's names, with its value where it is free text;
    `sensitive` the paths of those that the model marks so, on whatever they stand in.
    """

    def __init__(self, shape: str, driver: str) -> None:
        self.leaves: dict[str, str | None] = {}
        self.sensitive: set[str] = set()
        self._driver = driver
        self.value = self._made(shape, "", hidden=False, depth=0)

    def _made(self, name: str, path: str, *, hidden: bool, depth: int) -> Any:  # noqa: ANN401 - of the shape's kind
        shape = _MODEL["shapes"][name]
        hidden = hidden or shape.get("sensitive", False)
        kind = shape["type"]
        if kind == "structure":
            return {
                member: self._made(inner["shape"], f"{path}.{xform_name(member)}", hidden=hidden, depth=depth + 1)
                for member, inner in shape["members"].items()
                if (not shape.get("union") or member == self._driver)
                and (depth < _DEEPEST or inner["shape"] != "ConfigurationList")
            }
        if kind == "list":
            return [self._made(shape["member"]["shape"], f"{path}[]", hidden=hidden, depth=depth + 1)]
        if kind == "map":
            hidden = hidden or _MODEL["shapes"][shape["key"]["shape"]].get("sensitive", False)
            key = f"key of {path}"
            return {key: self._made(shape["value"]["shape"], f"{path}.{key}", hidden=hidden, depth=depth + 1)}
        self.leaves[path] = path if kind == "string" and "enum" not in shape else None
        if hidden:
            self.sensitive.add(path)
        return _SCALARS[kind] if kind != "string" else shape.get("enum", [path])[0]


_SCALARS = {"integer": 7, "long": 7, "double": 7.5, "boolean": True, "timestamp": 1_700_000_000.25}


def leaves(message: Message) -> dict[str, str]:
    """Every text, number or time of a message, by its path, as text."""
    tree = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return dict(_leaves(tree, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict) and set(value) == {"values"}:  # StringList, AWS's bare list
        value = value["values"]
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, f"{path}[]")
    else:
        yield path, str(value)
