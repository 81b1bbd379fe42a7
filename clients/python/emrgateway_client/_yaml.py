"""YAML text → tree with places, from the parser's events.

Events rather than nodes or values, because only they still say what matters here: aliases, tags and duplicate keys as
they were written. Nothing is expanded, so a small document cannot become a large one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import yaml

from emrgateway_client._tree import MAX_DEPTH, Items, Mark, Node, Pairs, Scalar, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

# The C parser where PyYAML was built with it: some ten times faster, the same events.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,39})")
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

# What YAML 1.1 and 1.2 read differently, by the tag that 1.1 gives it. Source: yaml.org/type, YAML 1.2.2 §10.3.
_SURPRISES: Final = {
    "tag:yaml.org,2002:bool": "YAML 1.1 reads this bare word as a boolean",
    "tag:yaml.org,2002:int": "YAML 1.1 reads this as a number that is not the decimal it looks like",
    "tag:yaml.org,2002:float": "YAML 1.1 reads this as a number",
    "tag:yaml.org,2002:timestamp": "YAML 1.1 reads this as a date or time",
    "tag:yaml.org,2002:merge": "YAML 1.1 reads this as a merge key",
    "tag:yaml.org,2002:value": "YAML 1.1 reads this as a default key",
}


class DocumentSyntaxError(Exception):
    """Text that is no single YAML document: what is wrong, and where."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark


def read(text: str) -> Node:
    """Read one YAML document. Raises `DocumentSyntaxError`."""
    builder = _Builder(_LOADER(""))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        where = error.problem_mark or error.context_mark
        raise DocumentSyntaxError(f"not YAML: {error.problem or error.context}", _mark(where)) from None
    except yaml.reader.ReaderError as error:
        # Its own text would quote the character, which may be part of a secret.
        raise DocumentSyntaxError(f"not YAML: a character that YAML forbids, at offset {error.position}") from None
    if builder.root is None:
        raise DocumentSyntaxError("the document is empty")
    return builder.root


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been met; a mapping's keys and values are split when it closes."""

    is_mapping: bool
    mark: Mark | None
    bad_tag: bool
    nodes: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        if self.bad_tag:
            return Unreadable("tags are not read here: write the value without one", self.mark)
        if not self.is_mapping:
            return Items(self.nodes, self.mark)
        return Pairs(list(_in_pairs(self.nodes)), self.mark)


def _in_pairs(nodes: list[Node]) -> Iterator[tuple[Node, Node]]:
    return zip(nodes[::2], nodes[1::2], strict=True)


class _Builder:
    """Builds the tree without recursion: depth is the document's to choose, the stack is not."""

    def __init__(self, resolver: yaml.SafeLoader) -> None:
        self.root: Node | None = None
        self._resolver = resolver
        self._open: list[_Open] = []

    def take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise DocumentSyntaxError("a second document: one request a file", _mark(event.start_mark))
            case yaml.CollectionStartEvent():
                self._start(event)
            case yaml.CollectionEndEvent():
                self._add(self._open.pop().close())
            case yaml.AliasEvent():
                self._add(Unreadable("aliases are not read here: write the value out", _mark(event.start_mark)))
            case yaml.ScalarEvent():
                self._add(self._scalar(event))
            case _:
                pass  # the stream's and the document's ends

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        mark = _mark(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise DocumentSyntaxError(f"nested deeper than {MAX_DEPTH} levels", mark)
        self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), mark, bad_tag=event.tag is not None))

    def _add(self, node: Node) -> None:
        if self._open:
            self._open[-1].nodes.append(node)
        else:
            self.root = node

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        mark = _mark(event.start_mark)
        if event.tag is not None:
            return Unreadable("tags are not read here: put a string in quotes instead", mark)
        is_plain = event.implicit[0]  # neither quoted nor a block
        return self._plain(event.value, mark) if is_plain else Scalar(event.value, mark)

    def _plain(self, text: str, mark: Mark | None) -> Scalar:
        if text in _NULLS:
            return Scalar(None, mark)
        if text in _BOOLEANS:
            return Scalar(_BOOLEANS[text], mark)
        if _INTEGER.fullmatch(text):
            return Scalar(int(text), mark)
        if _FLOAT.fullmatch(text):
            return Scalar(float(text), mark)
        tag = self._resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call] # PyYAML's
        return Scalar(text, mark, _SURPRISES.get(tag, ""))


class _Place(Protocol):
    """The marks of both parsers, C and Python, which count from 0."""

    line: int
    column: int


def _mark(mark: _Place | None) -> Mark | None:
    return Mark(mark.line + 1, mark.column + 1) if mark else None
