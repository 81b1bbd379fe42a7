"""The configuration's `callers:` table: what the organisation knows about a caller's id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob


class Labels:
    """Looks up labels; the first match of each label wins."""

    def __init__(self, table: Sequence[tuple[str, Mapping[str, str]]]) -> None:
        """`table` holds (glob over caller ids, labels), in order. ValueError where a glob is wrong."""
        self._table = [(Glob(glob), labels) for glob, labels in table]

    def of(self, caller_id: str) -> dict[str, str]:
        """The labels of a caller's id."""
        bare = Caller(caller_id)
        found: dict[str, str] = {}
        for glob, labels in self._table:
            if glob.matches(caller_id, bare):
                found = {**labels, **found}
        return found
