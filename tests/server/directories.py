"""Policy directories that change as an operator's do: a ConfigMap swapped whole, and plain files written in place."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Directory(Protocol):
    """A policy directory: `path`, and a way to make it hold other files."""

    path: Path

    def put(self, files: Mapping[str, str]) -> None:
        """Make it hold these files and no others."""


class ConfigMap:
    """As the kubelet mounts one: links into `..data`, which one rename swaps; what it swapped out is deleted."""

    def __init__(self, path: Path, files: Mapping[str, str]) -> None:
        self.path = path
        self._version = 0
        path.mkdir()
        self.put(files)

    def put(self, files: Mapping[str, str]) -> None:
        """Swap in the next version."""
        old = self.path / f"..{self._version}"
        self._version += 1
        new = self.path / f"..{self._version}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text, encoding="utf-8")
        (self.path / "..data_tmp").symlink_to(new.name)
        (self.path / "..data_tmp").rename(self.path / "..data")
        for link in self.path.glob("[!.]*"):
            link.unlink()
        for name in files:
            (self.path / name).symlink_to(f"..data/{name}")
        shutil.rmtree(old, ignore_errors=True)


class PlainFiles:
    """Files that are written where they stand."""

    def __init__(self, path: Path, files: Mapping[str, str]) -> None:
        self.path = path
        path.mkdir()
        self.put(files)

    def put(self, files: Mapping[str, str]) -> None:
        """Write what is to be there, and delete the rest."""
        for name, text in files.items():
            (self.path / name).write_text(text, encoding="utf-8")
        for file in self.path.iterdir():
            if file.name not in files:
                file.unlink()
