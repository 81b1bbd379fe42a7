"""The way of audit lines to their file: one thread writes, so that a slow disk or pipe holds up nobody else."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from emrgateway_server.audit.linefile import LineFile

MOST_BYTES = 16 * 1024 * 1024  # of lines that wait: some ten thousand
BATCH_BYTES = 1024 * 1024
RETRY_SECONDS = 0.5
SYNC_SECONDS = 1.0
STUCK_SECONDS = 2.0  # a write that takes longer is as one that fails

Fsync: TypeAlias = Literal["never", "interval", "always"]

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """Lines that are written together, and who waits for them."""

    lines: deque[bytes] = field(default_factory=deque)
    originals: deque[bytes] = field(default_factory=deque)
    written: list[threading.Event] = field(default_factory=list)
    size: int = 0

    def add(self, line: bytes, original: bytes | None, written: threading.Event | None) -> None:
        """Put one more line to them."""
        self.lines.append(line)
        if original is not None:
            self.originals.append(original)
        if written is not None:
            self.written.append(written)
        self.size += len(line) + len(original or b"")


class Sink:
    """Thread-safe. Lines are written in the order they came; where they cannot be, they wait, and some are lost."""

    def __init__(self, file: LineFile, originals: LineFile | None, fsync: Fsync) -> None:
        self._files = [file] if originals is None else [originals, file]
        self._file = file
        self._originals = originals
        self._fsync = fsync
        self._changed = threading.Condition()
        self._queue: deque[tuple[bytes, bytes | None, threading.Event | None]] = deque()
        self._bytes = 0
        self._batch = _Batch()
        self._working_since: float | None = None
        self._synced_at = time.monotonic()
        self._is_dirty = False
        self._must_reopen = False
        self._is_closed = False
        self.is_failing = False
        self.lost = 0
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    @property
    def is_stuck(self) -> bool:
        """Whether lines cannot be written now, or not in time."""
        since = self._working_since
        return self.is_failing or (since is not None and time.monotonic() - since > STUCK_SECONDS)

    def put(self, line: bytes, original: bytes | None = None, written: threading.Event | None = None) -> bool:
        """Have a line written, with its original; `written` is set once both are, as durably as was asked for.

        False where there is no room: the line is lost.
        """
        size = len(line) + len(original or b"")
        with self._changed:
            if self._is_closed or self._bytes + size > MOST_BYTES:
                self.lost += 1
                return False
            self._bytes += size
            self._queue.append((line, original, written))
            self._changed.notify()
        return True

    def reopen(self) -> None:
        """Go on in the file that has the name now: the old one was moved away."""
        with self._changed:
            self._must_reopen = True
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Write what waits, within so many seconds; the rest is lost."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(seconds)
        with self._changed:
            left = len(self._queue) + len(self._batch.lines)
            self.lost += left
        if left:
            _log.error("the audit cannot be written: %d lines are lost", left)

    def _run(self) -> None:
        while self._has_next():
            self._working_since = time.monotonic()
            try:
                self._work()
            except OSError as error:
                if not self.is_failing:
                    _log.error("the audit cannot be written: %s", error.strerror or error)
                self.is_failing = True
            else:
                if self.is_failing:
                    _log.warning("the audit is written again; lines lost so far: %d", self.lost)
                self.is_failing = False
            self._working_since = None

    def _has_next(self) -> bool:
        """Wait for something to do; False at the end."""
        with self._changed:
            if self.is_failing:
                if self._is_closed:
                    return False
                self._changed.wait_for(lambda: self._is_closed, RETRY_SECONDS)
            else:
                self._changed.wait_for(self._is_due, SYNC_SECONDS if self._is_dirty else None)
            while self._queue and self._batch.size < BATCH_BYTES:
                self._batch.add(*self._queue.popleft())
            return bool(self._batch.size) or self._is_dirty or not self._is_closed

    def _is_due(self) -> bool:
        return bool(self._queue) or self._must_reopen or self._is_closed

    def _work(self) -> None:
        batch = self._batch
        if self._must_reopen:
            for file in self._files:
                file.open()
            self._must_reopen = False
        if batch.lines or batch.originals:
            self._is_dirty = self._fsync != "never"
            if self._originals is not None:
                self._originals.write(batch.originals)
            self._file.write(batch.lines)
        now = time.monotonic()
        if self._is_dirty and (self._fsync == "always" or self._is_closed or now - self._synced_at >= SYNC_SECONDS):
            for file in self._files:
                file.sync()
            self._is_dirty, self._synced_at = False, now
        for written in batch.written:
            written.set()
        with self._changed:
            self._bytes -= batch.size
            self._batch = _Batch()
