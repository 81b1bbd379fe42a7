"""Places in a request of AWS's form, in the contract's names: `tags{team}`, `states[0]`, `tags{}` (the keys)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emrgateway_server.shapes import Shape, field_name

_PART = re.compile(r"(?P<field>[a-z0-9_]+)\.?|\[(?P<index>[0-9]+)\]\.?|\{(?P<key>[^}]*)\}\.?")


@dataclass(frozen=True)
class Place:
    """A shape and where it stands; `required` of a member that must be there."""

    name: str
    shape: Shape
    required: bool = False
    sensitive: bool = False

    @property
    def told(self) -> str:
        """The path that a violation here names, where nothing is sensitive; of keys, all but the key."""
        return re.sub(r"\{([^}]*)\}", r".\1", self.name)


def places(shape: Shape, always: frozenset[str] = frozenset()) -> Iterator[Place]:
    """Every place of a request; recursive shapes are entered once. `always` are members required besides."""
    yield from _inside(Place("", shape), frozenset(), always)


def _inside(place: Place, seen: frozenset[str], always: frozenset[str]) -> Iterator[Place]:
    yield place
    shape, name = place.shape, place.name
    if shape.name in seen:
        return
    seen |= {shape.name}
    for member, inner in shape.members.items():
        path = f"{name}.{field_name(member)}" if name else field_name(member)
        required = member in shape.required | always
        yield from _inside(_at(path, inner, place, required=required), seen, frozenset())
    if shape.element is not None and shape.key is None:
        yield from _inside(_at(f"{name}[0]", shape.element, place), seen, frozenset())
    if shape.element is not None and shape.key is not None:
        yield from _inside(_at(f"{name}{{}}", shape.key, place), seen, frozenset())
        yield from _inside(_at(f"{name}{{*}}", shape.element, place), seen, frozenset())


def _at(name: str, shape: Shape, outer: Place, *, required: bool = False) -> Place:
    return Place(name, shape, required, outer.sensitive or shape.sensitive)


def value_at(request: dict[str, Any], shape: Shape, name: str) -> Any:  # noqa: ANN401 - AWS's form
    """What stands at a place; of keys, the first key. KeyError where nothing does."""
    container, last = _walk(request, shape, name)
    return next(iter(container)) if last == "" else container[last]


def with_value(request: dict[str, Any], shape: Shape, name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's form
    """A copy of a request with a value at a place; of keys, the first one takes the name `value`."""
    changed = copy.deepcopy(request)
    container, last = _walk(changed, shape, name)
    if last == "":
        container[value] = container.pop(next(iter(container)))
    else:
        container[last] = value
    return changed


def without(request: dict[str, Any], shape: Shape, name: str) -> dict[str, Any]:
    """A copy of a request without the member at a place."""
    changed = copy.deepcopy(request)
    container, last = _walk(changed, shape, name)
    del container[last]
    return changed


def _walk(request: Any, shape: Shape, name: str) -> tuple[Any, Any]:  # noqa: ANN401 - AWS's form
    """The container of a place and the key in it: a member, an index, a map's key, or "" for a map's keys."""
    steps: list[tuple[Any, Any]] = []
    value = request
    for part in _PART.finditer(name):
        key: Any = None
        if part["field"] is not None:
            key = next(member for member in shape.members if field_name(member) == part["field"])
            shape = shape.members[key]
        elif part["index"] is not None:
            key, shape = int(part["index"]), shape.element or shape
        else:
            key = next(iter(value)) if part["key"] == "*" else part["key"]
            shape = shape.element or shape
        steps.append((value, key))
        value = value[key] if key != "" else None
    return steps[-1]
