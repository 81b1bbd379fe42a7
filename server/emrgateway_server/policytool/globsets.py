"""What can be said for certain of the values that two lists of globs match, for every value there may be.

Each answer is one-sided: True is proven, False is "perhaps not". A `${…}` stands for one text, but no one knows which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from emrgateway_server import templates
from emrgateway_server.globs import Glob, Kind, kind_of
from emrgateway_server.templates import Reference

_WILDCARD = re.compile(r"(\*+)")
_VAGUE = re.compile(r"[*$]")
_SEPARATORS = "/:."  # of any kind of value
_NEVER_CROSSED = {Kind.URL: "/", Kind.ARN: ":/"}  # by `*`, in a value that a glob of this look matches
_CACHED = 65_536

_Place = tuple[int, int]


class _Wildcard(str):
    """`*`, or `**`, as it stands in a glob: the same characters may stand in what a reference, or `$$`, stands for."""

    __slots__ = ()

    @property
    def crosses(self) -> bool:
        """Whether it matches separators, whatever the kind of value."""
        return self == "**"


_Symbol = str | Reference


def covers(outer: Iterable[Glob], inner: Iterable[Glob]) -> bool:
    """Whether every value that one of `inner` matches is matched by one of `outer`."""
    texts = [(glob.text, _prefix(glob.text)) for glob in outer]
    return all(
        any(glob.text.startswith(prefix) and _covers(text, glob.text) for text, prefix in texts) for glob in inner
    )


def disjoint(one: Iterable[Glob], other: Iterable[Glob]) -> bool:
    """Whether no value is matched by one of each."""
    texts = [(glob.text, _prefix(glob.text)) for glob in one]
    return all(
        _differ(prefix, _prefix(glob.text)) or _disjoint(text, glob.text) for glob in other for text, prefix in texts
    )


@lru_cache(maxsize=_CACHED)
def _prefix(text: str) -> str:
    """A glob's literal beginning: most pairs of globs are told apart by it."""
    return _VAGUE.split(text, maxsplit=1)[0]


def _differ(one: str, other: str) -> bool:
    return not (one.startswith(other) or other.startswith(one))


@lru_cache(maxsize=_CACHED)
def _covers(outer: str, inner: str) -> bool:
    if outer in ("**", inner):
        return True
    # What a `**` before another separator than `/` matches hangs on the kind of value.
    if inner == "**" or re.search(r"\*\*[^/]", outer):
        return False
    a, b = _symbols(outer), _symbols(inner)

    def steps(i: int, j: int) -> Iterator[_Place]:
        """Each wildcard of `outer` takes symbols of `inner`, wildcards among them; all else must be the same."""
        if i == len(a):
            return
        if isinstance(a[i], _Wildcard):
            yield i + 1, j
            if j < len(b) and _takes(a[i], b[j]):
                yield i, j + 1
        elif j < len(b) and not isinstance(b[j], _Wildcard) and a[i] == b[j]:
            yield i + 1, j + 1

    return _reaches((len(a), len(b)), steps)


def _takes(wildcard: _Symbol, symbol: _Symbol) -> bool:
    """Whether a wildcard matches whatever a symbol does, in a value of any kind."""
    if wildcard == "**":
        return True
    if isinstance(symbol, _Wildcard):
        return not symbol.crosses
    return isinstance(symbol, str) and symbol not in _SEPARATORS


@lru_cache(maxsize=_CACHED)
def _disjoint(one: str, other: str) -> bool:
    a, b = _symbols(one), _symbols(other)
    bars = [_NEVER_CROSSED.get(kind_of(text), "") for text in (one, other)]

    def steps(i: int, j: int) -> Iterator[_Place]:
        """Whatever either may match of one text, and more: a separator after `**` may be none."""
        left, right = (a[i] if i < len(a) else None), (b[j] if j < len(b) else None)
        if _is_vague(left):
            yield i + 1, j
            yield (min(i + 2, len(a)), j) if left == "**" else (i + 1, j)
            if right is not None and _may_take(left, right, bars[0]):
                yield i, j + 1
        if _is_vague(right):
            yield i, j + 1
            yield (i, min(j + 2, len(b))) if right == "**" else (i, j + 1)
            if left is not None and _may_take(right, left, bars[1]):
                yield i + 1, j
        if left == right and left is not None and not _is_vague(left):
            yield i + 1, j + 1

    return not _reaches((len(a), len(b)), steps)


def _is_vague(symbol: _Symbol | None) -> bool:
    return isinstance(symbol, _Wildcard | Reference)


def _may_take(vague: _Symbol | None, symbol: _Symbol, bars: str) -> bool:
    crosses = vague == "**" or isinstance(vague, Reference)
    return crosses or _is_vague(symbol) or symbol not in bars  # type: ignore[operator] # a character


def _symbols(text: str) -> list[_Symbol]:
    """A glob's wildcards and references, and each character of its literal text."""
    symbols: list[_Symbol] = []
    for part in templates.parse(text).parts:
        if isinstance(part, Reference):
            symbols.append(part)
            continue
        for piece in filter(None, _WILDCARD.split(part)):
            symbols += [_Wildcard(piece)] if piece.startswith("*") else piece
    return symbols


def _reaches(goal: _Place, steps: Callable[[int, int], Iterator[_Place]]) -> bool:
    todo, seen = [(0, 0)], {(0, 0)}
    while todo:
        place = todo.pop()
        if place == goal:
            return True
        new = set(steps(*place)) - seen
        seen |= new
        todo += new
    return False
