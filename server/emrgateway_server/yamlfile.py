"""YAML with positions: files people write, read strictly, each mistake with its line and column.

Scalars mean what YAML 1.2's core schema says. Where YAML 1.1 readers disagree (`no`, `0720`, `1_000`, `12:30`), the
scalar must be quoted: a file has one meaning or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias, cast

import yaml

Path: TypeAlias = tuple[str | int, ...]

MAX_DEPTH = 64

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = re.compile(r"|~|null|Null|NULL")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_AMBIGUOUS = re.compile(
    r"(?i:y|n|yes|no|on|off)"
    r"|[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"
    r"|[-+]?0[box][0-9a-fA-F_]+|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"
    r"|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(?i:inf)|\.(?i:nan)|<<|="
)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A mistake in a file; prints as `FILE:LINE:COLUMN: error: …`, or without the position where there is none."""

    file: str
    line: int
    column: int
    message: str
    severity: str = "error"

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.severity}: {self.message}"


class ConfigurationError(Exception):
    """Every mistake of the files that were read, in their order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(slots=True)
class Document:
    """One YAML document: its plain value, and where each part of it stands (line and column, both from 1).

    `spoiled` holds the paths that could not be read, and are None; `told` those whose mistake is known already.
    """

    file: str
    value: object = None
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    overrides: dict[Path, str] = field(default_factory=dict)
    spoiled: set[Path] = field(default_factory=set)
    told: set[Path] = field(default_factory=set)

    def override(self, path: Path, value: object, source: str) -> None:
        """Put a value over what the file says; mistakes in it are told at `source`, such as a variable's name."""
        container: Any = self.value
        for part, following in pairwise(path):
            missing = isinstance(part, str) and container.get(part) is None
            if missing:
                container[part] = [] if isinstance(following, int) else {}
            container = container[part]
        container[path[-1]] = value
        self.overrides[path] = source

    def at(self, path: Path) -> object:
        """What stands at a path; None where nothing does."""
        value = self.value
        for part in path:
            try:
                value = value[part]  # type: ignore[index] # whatever the file holds
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def is_told(self, path: Path) -> bool:
        """Whether a mistake is known of what stands at a path, around it or inside it: what follows from it is none."""
        return any(path[: len(bad)] == bad[: len(path)] for bad in (*self.told, *self.spoiled))

    def placed(self, problem: Problem) -> Problem:
        """A problem that a key's name is all the place of, such as `targets[0]`, with its place in the file."""
        paths = (path for path in (*self.overrides, *self.marks) if path and dotted(path) == problem.file)
        path = None if problem.line else next(paths, None)
        return problem if path is None else self.problem(path, problem.message)

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A mistake at `path`, or at its nearest part that stands in the file; `at_key` tells its key's place."""
        if path in self.overrides:
            return Problem(self.overrides[path], 0, 0, message)
        if at_key and path in self.keys:
            return Problem(self.file, *self.keys[path], message)
        while path not in self.marks and path:
            path = path[:-1]
        line, column = self.marks.get(path, (0, 0))
        return Problem(self.file, line, column, message)


def read(text: str, *, file: str) -> tuple[list[Document], list[Problem]]:
    """The documents of a text and every mistake in it; no document where it is no YAML at all.

    A document with mistakes is there too, so that the others in it can be told: what could not be read is None, and
    `spoiled`.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        problems += _refused(text, file)
        for node in _composed(text):
            documents.append(Document(file))
            documents[-1].value = _Reader(documents[-1], problems).value(node, ())
    except _TooDeepError as error:
        return [], [error.problem]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return [], [*problems, Problem(file, line, column, error.problem or "not YAML")]
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        return [], [*problems, Problem(file, line, 1, f"not YAML: {getattr(error, 'reason', 'unreadable')}")]
    return documents, problems


def dotted(path: Path) -> str:
    """A path as people write it: `targets[0].account`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def scalar(text: str) -> object:
    """The value of a plain scalar by YAML 1.2's core schema: what an environment variable's text means."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return bool(_TRUE.fullmatch(text))
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) <= 20 else text  # noqa: PLR2004 - no int64 has more than 20 characters
    return float(text) if _FLOAT.fullmatch(text) else text


class _TooDeepError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _refused(text: str, file: str) -> list[Problem]:
    """What only the events show, and must be seen before anything is composed.

    A few aliases can unfold into gigabytes; libyaml composes by recursion, and fifty thousand brackets end the
    process; and a composed plain scalar does not show the tag that stood before it.
    """
    problems: list[Problem] = []
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.AliasEvent):
            problems.append(Problem(file, *_position(event), f"alias *{event.anchor} is not allowed"))
        elif isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in (None, "!"):
            problems.append(Problem(file, *_position(event), "tags (!…) are not allowed: write a plain value"))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _TooDeepError(Problem(file, *_position(event), f"nested more than {MAX_DEPTH} deep"))
    return problems


def _composed(text: str) -> Iterator[yaml.Node]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield node
    finally:
        loader.dispose()


class _Reader:
    """Turns one document's nodes into plain values."""

    def __init__(self, document: Document, problems: list[Problem]) -> None:
        self._document = document
        self._problems = problems
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: Path) -> object:
        self._document.marks[path] = _position(node)
        if id(node) in self._seen:  # an alias, told already
            self._document.spoiled.add(path)
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(cast("yaml.ScalarNode", node), path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key, str):
                self._problem(key_node, "a key must be a plain scalar")
            elif key in result:
                line = self._document.keys[*path, key][0]
                self._problem(key_node, f"duplicate key {key!r}: it stands on line {line} already")
            else:
                if not key_node.style and _AMBIGUOUS.fullmatch(key):
                    self._problem(key_node, _ambiguous(key))
                    self._document.told.add((*path, key))
                self._document.keys[*path, key] = _position(key_node)
                result[key] = self.value(value_node, (*path, key))
                if _position(value_node)[0] != _position(key_node)[0]:
                    # A block below its key, or nothing at all: the key is where a reader looks.
                    self._document.marks[*path, key] = _position(key_node)
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> object:
        text: str = node.value
        self._document.texts[path] = text
        if node.style:  # quoted, or a block
            return text
        if _AMBIGUOUS.fullmatch(text):
            self._spoil(path, _ambiguous(text))
            return None
        return scalar(text)

    def _problem(self, node: yaml.Node, message: str) -> None:
        self._problems.append(Problem(self._document.file, *_position(node), message))

    def _spoil(self, path: Path, message: str) -> None:
        self._document.spoiled.add(path)
        self._problems.append(self._document.problem(path, message))


def _ambiguous(text: str) -> str:
    return f'YAML readers disagree on what {text} means: put it in quotes, "{text}", or write a plain number or boolean'


def _position(node: yaml.Node | yaml.Event) -> tuple[int, int]:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
