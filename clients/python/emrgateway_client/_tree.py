"""What a document holds before anyone asks what it means: values, where each stood, and what was wrong on the way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

# protobuf refuses a message nested deeper, so that a deeper document could not be sent.
MAX_DEPTH: Final = 100

# A key is quoted in a path, or in an error, unless it reads as one there.
_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LONGEST_KEY: Final = 100

_SCALAR_KINDS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    str: "a string",
    int: "a whole number",
    float: "a number with a fraction or an exponent",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a document: `path` in the document's own spelling, `line` and `column` from 1.

    `line` and `column` are None where they are not known (a document that is JSON). `message` never holds a value.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a document: line and column, both from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, number, boolean or null.

    `surprise`, where set, says why a reader could take the scalar for something other than the string it looks like.
    """

    value: str | int | float | bool | None
    mark: Mark | None = None
    surprise: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: list[Node]
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping as it was written: in order, duplicates kept, each key a node of its own."""

    pairs: list[tuple[Node, Node]]
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A node that is itself an error: an alias, a tag, a value that no field takes."""

    message: str
    mark: Mark | None = None


Node: TypeAlias = Scalar | Items | Pairs | Unreadable


@dataclass(frozen=True, slots=True)
class At:
    """A place in a document, by path; `problems` is shared by all places of one document, so that none is lost."""

    problems: list[Problem]
    path: str = ""

    def member(self, key: str) -> At:
        """The place of a mapping's value: `jobDriver.sparkSubmit`, `tags["a b"]`."""
        if not _PLAIN_KEY.fullmatch(key):
            return At(self.problems, f"{self.path}[{_quoted(key)}]")
        return At(self.problems, f"{self.path}.{key}" if self.path else key)

    def item(self, index: int) -> At:
        """The place of a list's item: `entryPointArguments[2]`."""
        return At(self.problems, f"{self.path}[{index}]")

    def add(self, message: str, mark: Mark | None = None) -> None:
        """Note what is wrong here."""
        line, column = (mark.line, mark.column) if mark else (None, None)
        self.problems.append(Problem(self.path, message, line, column))


def kind(node: Node) -> str:
    """What a node is, in words for an error: `a string`, `a list`."""
    if isinstance(node, Scalar):
        return _SCALAR_KINDS[type(node.value)]
    return {Items: "a list", Pairs: "a mapping", Unreadable: "something unreadable"}[type(node)]


def _quoted(key: str) -> str:
    """A key for an error: quoted, control characters escaped, cut to a length that a terminal can show."""
    cut = key if len(key) <= _LONGEST_KEY else key[:_LONGEST_KEY] + "…"
    return json.dumps(cut, ensure_ascii=not cut.isprintable())


def from_value(value: object, depth: int = 0) -> Node:
    """The tree of plain Python values: mappings, lists, tuples, strings, numbers, booleans and None."""
    if depth > MAX_DEPTH:
        return Unreadable(f"nested deeper than {MAX_DEPTH} levels")
    match value:
        case None | str() | bool() | int() | float():
            return Scalar(value)
        case list() | tuple():
            return Items([from_value(item, depth + 1) for item in value])
        case dict():
            return _from_mapping(value, depth)
        case _:
            return Unreadable(f"a {type(value).__name__} is no value of a document")


def _from_mapping(value: Mapping[object, object], depth: int) -> Pairs:
    return Pairs([(from_value(key, depth + 1), from_value(item, depth + 1)) for key, item in value.items()])
