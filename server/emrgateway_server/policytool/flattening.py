"""A request in AWS's form, a line a value: what a difference of two requests is told in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emrgateway_server.conformance import shown_key
from emrgateway_server.judging import START
from emrgateway_server.shapes import Shape, field_name

HIDDEN = "(sensitive: not shown)"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value of a request; `path` is in snake_case."""

    path: str
    value: object
    sensitive: bool

    def __str__(self) -> str:
        shown = "true" if self.value is True else "false" if self.value is False else str(self.value)
        return HIDDEN if self.sensitive else shown


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; None where it was, or is, not there."""

    path: str
    before: Leaf | None
    after: Leaf | None


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every value in which two requests differ, in the order of AWS's members."""
    old, new = ({leaf.path: leaf for leaf in leaves(each)} for each in (before, after))
    # What is there before comes where it stood, what is new after what stands before it.
    paths = list(dict.fromkeys([*old, *new]))
    return [Change(path, old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)]


def leaves(request: Mapping[str, Any]) -> Iterator[Leaf]:
    """Every value of a StartJobRun, those of maps and lists one by one; an empty one of these is a value itself."""
    return _leaves(request, START, "", sensitive=False)


def _leaves(value: Any, shape: Shape, path: str, *, sensitive: bool) -> Iterator[Leaf]:  # noqa: ANN401 - AWS's forms
    hidden = sensitive or shape.sensitive
    if isinstance(value, Mapping) and value:
        for key in _ordered(value, shape):
            inner = shape.members.get(key) or shape.element
            name = field_name(key) if shape.kind == "structure" else shown_key(key)
            if inner is not None:
                yield from _leaves(value[key], inner, f"{path}.{name}" if path else name, sensitive=hidden)
    elif isinstance(value, list) and value and shape.element is not None:
        for index, item in enumerate(value):
            yield from _leaves(item, shape.element, f"{path}[{index}]", sensitive=hidden)
    else:
        yield Leaf(path, value, hidden)


def _ordered(value: Mapping[str, object], shape: Shape) -> list[str]:
    return [each for each in shape.members if each in value] if shape.members else sorted(value)
