"""Rows in this process's memory: for one replica, until it restarts."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from emrgateway_server.ledger.rows import LedgerDown, Row


class MemoryLedger:
    """At most `max_entries` rows. The oldest make room, but never one whose sender is at work on it."""

    def __init__(self, max_entries: int, *, clock: Callable[[], float] = time.time) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: OrderedDict[str, Row] = OrderedDict()  # in the order of their last write

    def find(self, token: str) -> Row | None:
        """The row of a token."""
        with self._lock:
            return self._standing(token)

    def write(self, row: Row, *, over: Row | None) -> bool:
        """Put a row in the place of another, or of none. `LedgerDown` where there is no room."""
        with self._lock:
            standing = self._standing(row.token)
            if (standing and standing.version) != (over and over.version):
                return False
            if standing is None:
                self._make_room()
            self._rows[row.token] = row
            self._rows.move_to_end(row.token)
            return True

    def remove(self, row: Row) -> None:
        """Forget a row, unless it has been written over."""
        with self._lock:
            standing = self._rows.get(row.token)
            if standing is not None and standing.version == row.version:
                del self._rows[row.token]

    def close(self) -> None:
        """Nothing is held but memory."""

    def __len__(self) -> int:
        return len(self._rows)

    def _standing(self, token: str) -> Row | None:
        row = self._rows.get(token)
        if row is not None and row.expires_at <= self._clock():
            del self._rows[token]
            return None
        return row

    def _make_room(self) -> None:
        now = self._clock()
        while len(self._rows) >= self._max_entries:
            token = next((token for token, row in self._rows.items() if not row.is_live(now)), None)
            if token is None:
                raise LedgerDown(f"all {self._max_entries} entries are submissions in flight")
            del self._rows[token]
