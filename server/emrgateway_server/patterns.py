"""RE2's patterns, asked whether they match a whole text."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import re2


class Patterns:
    """Patterns of which one must match."""

    def __init__(self, *sources: str) -> None:
        """ValueError says why one is no pattern."""
        self.sources = sources
        joined = "|".join(f"(?:{source})" for source in sources) if sources[1:] else sources[0]
        try:
            self._compiled = re2.compile(joined, _quiet())
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
            raise ValueError(reason) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Patterns) and self.sources == other.sources

    def __hash__(self) -> int:
        return hash(self.sources)

    def match(self, text: str) -> bool:
        """Whether one matches the whole text."""
        return bool(self._quick.Match(text)) or self._compiled.fullmatch(text) is not None

    @cached_property
    def _quick(self) -> Any:  # noqa: ANN401 - RE2 comes without types
        """A set: that one matches, it tells in a fifth of the time that telling where takes.

        It has a bound on its memory and misses beyond it, so that its yes alone counts.
        """
        quick = re2.Set.FullMatchSet(_quiet())
        for source in self.sources:
            quick.Add(source)
        quick.Compile()
        return quick


def _quiet() -> re2.Options:
    """RE2 would print its own complaints."""
    options = re2.Options()
    options.log_errors = False
    return options
