"""Globs of which one must match."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from emrgateway_server.caller import Caller
from emrgateway_server.globs.glob import Glob
from emrgateway_server.globs.matching import Matchers
from emrgateway_server.globs.values import Kind, is_strange


class GlobSet:
    """Several globs, tried together: a list may have many items and a policy many globs."""

    def __init__(self, globs: Iterable[Glob]) -> None:
        self._globs = tuple(globs)
        self.is_everything = any(glob.is_everything for glob in self._globs)
        # A plain field's value is read by each glob in its own way.
        groups = [[glob for glob in self._globs if glob.is_plain is plain] for plain in (True, False)]
        self._groups = [(group[0], Matchers(glob.parts for glob in group)) for group in groups if group]

    def __iter__(self) -> Iterator[Glob]:
        return iter(self._globs)

    def __len__(self) -> int:
        return len(self._globs)

    def matches(self, value: str, caller: Caller, kind: Kind | None = None) -> bool:
        """Whether a glob matches, as `Glob.matches` has it."""
        if self.is_everything:
            return True
        return any(matchers.match(value, caller, first.kind_for(value, kind)) for first, matchers in self._groups)

    def denying(self, value: str, caller: Caller, kind: Kind | None = None) -> Glob | None:
        """The first glob that denies a value, as `Glob.denies` has it."""
        if not self.is_everything and not any(self._may_deny(value, caller, kind)):
            return None
        return next((glob for glob in self._globs if glob.denies(value, caller, kind)), None)

    def _may_deny(self, value: str, caller: Caller, kind: Kind | None) -> Iterator[bool]:
        for first, matchers in self._groups:
            read_as = first.kind_for(value, kind)
            yield is_strange(value, read_as) or matchers.match(value, caller, read_as)
