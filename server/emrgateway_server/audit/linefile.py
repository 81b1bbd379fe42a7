"""A file that whole lines are appended to, and that may be moved, removed or filled up meanwhile."""

from __future__ import annotations

import os
import stat
from collections import deque

_OWNER_ALONE = 0o600
_STANDARD_OUTPUT = 1


class LineFile:
    """One file, or standard output where the path is `-`. For one thread. Every method raises OSError."""

    def __init__(self, path: str, *, is_secret: bool = False, is_durable: bool = True) -> None:
        """Open it. A `is_secret` one is made its owner's alone, also where it was there before.

        A `is_durable` one is never left, however it came to be moved, before the disk has what was written.
        """
        self._path = path
        self._is_secret = is_secret
        self._is_durable = is_durable
        self._is_dirty = False
        self._fd: int | None = None
        self._is_regular = False
        self._begun = 0  # bytes of the first line that stand in the file already
        self.open()

    def open(self) -> None:
        """Open it anew: what is written from now on goes to the file that has the name now."""
        self.close()
        if self._path == "-":
            self._fd = _STANDARD_OUTPUT
            self._is_regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
            return
        fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _OWNER_ALONE)
        try:
            found = os.fstat(fd)
            if self._is_secret:
                os.fchmod(fd, _OWNER_ALONE)
            self._is_regular = stat.S_ISREG(found.st_mode)
            if self._is_regular and found.st_size and os.pread(fd, 1, found.st_size - 1) != b"\n":
                os.write(fd, b"\n")  # the torn last line of one that was cut off must not spoil ours
        except BaseException:  # whatever cut this short: nobody else has the descriptor to close it
            os.close(fd)
            raise
        self._fd, self._begun = fd, 0

    def write(self, lines: deque[bytes]) -> None:
        """Append lines, in one write where the system takes them so; what was written is no longer in `lines`."""
        if not lines:
            return
        if self._fd is None or self._is_elsewhere():
            self.open()
        fd = self._opened()
        data = b"".join(lines)[self._begun :]
        while data:
            self._is_dirty = True
            count = os.write(fd, data)
            data = data[count:]
            self._begun += count
            while lines and self._begun >= len(lines[0]):
                self._begun -= len(lines.popleft())

    def sync(self) -> None:
        """Have the disk take what was written."""
        if self._is_regular:
            os.fdatasync(self._opened())
        self._is_dirty = False

    def close(self) -> None:
        """Close it; standard output stays. It is closed even where this raises: a disk that fails can be left."""
        if self._fd is None:
            return
        try:
            if self._is_durable and self._is_dirty:
                self.sync()
        finally:
            if self._path != "-":
                os.close(self._fd)
            self._fd, self._is_dirty = None, False

    def _opened(self) -> int:
        if self._fd is None:
            raise OSError("the file is closed")
        return self._fd

    def _is_elsewhere(self) -> bool:
        """Whether the name is another file's by now, or nobody's: what is written to a removed file is lost."""
        if not self._is_regular or self._path == "-":
            return False
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._opened()))  # noqa: PTH116 - a path's text
        except FileNotFoundError:
            return True
