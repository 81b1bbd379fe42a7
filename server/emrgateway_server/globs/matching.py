"""What globs match, once what stands for their references is known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import re2

from emrgateway_server.caller import Caller
from emrgateway_server.globs.values import KEPT, LONGEST_KEPT, Kind, compared
from emrgateway_server.patterns import Patterns
from emrgateway_server.templates import Reference

EVERYTHING = "**"

Parts: TypeAlias = tuple[str | Reference, ...]  # `*`, `**`, literal text, references
# The pieces of a glob, and which of them are literal.
Rendered: TypeAlias = tuple[tuple[str, ...], tuple[bool, ...]]

_CALLERS_KEPT = 256
_TOGETHER = 64  # patterns in one: RE2 has a bound on a program's size


class Matcher:
    """What several globs match. Most end with their one wildcard, or have none: no pattern is as quick for these."""

    def __init__(self, globs: Sequence[Rendered], kind: Kind) -> None:
        literals: set[str] = set()
        prefixes: list[str] = []
        patterns: list[str] = []
        self._within: list[str] = []
        for pieces, literal in globs:
            wild = [index for index, piece in enumerate(pieces) if piece.startswith("*") and not literal[index]]
            if not wild:
                literals.add("".join(pieces))
            elif wild != [len(pieces) - 1]:
                patterns.append(_pattern(pieces, literal, kind))
            elif pieces[-1] == "*" and kind.separators:
                self._within.append("".join(pieces[:-1]))
            else:
                prefixes.append("".join(pieces[:-1]))
        self._literals = frozenset(literals)
        self._prefixes = tuple(prefixes)
        starts = range(0, len(patterns), _TOGETHER)
        self._patterns = [Patterns(*patterns[start : start + _TOGETHER]) for start in starts]
        self._separators = kind.separators

    def has(self, text: str) -> bool:
        """Whether one matches."""
        return (
            text in self._literals
            or text.startswith(self._prefixes)
            or any(text.startswith(prefix) and self._is_segment(text[len(prefix) :]) for prefix in self._within)
            or any(pattern.match(text) for pattern in self._patterns)
        )

    def _is_segment(self, text: str) -> bool:
        return not any(separator in text for separator in self._separators)


class Matchers:
    """What globs, each given by its parts, match for each caller: kept by what is said for their references."""

    def __init__(self, globs: Iterable[Parts]) -> None:
        self._globs = tuple(globs)
        references = [part for parts in self._globs for part in parts if isinstance(part, Reference)]
        self._references = tuple(dict.fromkeys(references)) if references else ()
        self._known: dict[tuple[Kind, tuple[str, ...]], Matcher] = {}

    def match(self, value: str, caller: Caller, kind: Kind) -> bool:
        """Whether one matches a value; a strange one, none. `MissingLabel` where the caller lacks a label."""
        said = tuple([reference.value(caller) for reference in self._references]) if self._references else ()
        answer = _answer if len(value) <= LONGEST_KEPT else _answer.__wrapped__
        return answer(self, value, kind, said)

    def matcher(self, kind: Kind, said: tuple[str, ...]) -> Matcher:
        """What they match among values of a kind, where this is said for their references."""
        known = self._known.get((kind, said))
        if known is None:
            if len(self._known) >= _CALLERS_KEPT:
                self._known.clear()
            texts = dict(zip(self._references, said, strict=True))
            known = self._known[kind, said] = Matcher([_rendered(parts, texts) for parts in self._globs], kind)
        return known


@lru_cache(maxsize=KEPT)
def _answer(matchers: Matchers, value: str, kind: Kind, said: tuple[str, ...]) -> bool:
    """Values come again with the next request, and so do answers."""
    text = compared(value, kind)
    return text is not None and matchers.matcher(kind, said).has(text)


def _rendered(parts: Parts, texts: Mapping[Reference, str]) -> Rendered:
    pieces = tuple(texts[part] if isinstance(part, Reference) else part for part in parts)
    return pieces, tuple(isinstance(part, Reference) for part in parts)


def _pattern(pieces: tuple[str, ...], literal: tuple[bool, ...], kind: Kind) -> str:
    separators = re2.escape(kind.separators)
    within = f"[^{separators}]*" if separators else ".*"
    source = ""
    for index, (piece, is_literal) in enumerate(zip(pieces, literal, strict=True)):
        if is_literal or not piece.startswith("*"):
            skip = 1 if index and pieces[index - 1] == EVERYTHING and not literal[index - 1] and separators else 0
            source += re2.escape(piece[skip:])
        elif piece == "*":
            source += within
        elif index == len(pieces) - 1 or not separators:
            source += ".*"
        else:
            # Zero or more whole segments; the separator that follows `**` is the last one's.
            source += f"(?:{within}[{separators}])*"
    return f"(?s:{source})"
