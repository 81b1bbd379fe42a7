"""The policy in force: loaded from its directory, and loaded again when that has changed.

What is loaded comes into force whole, by the assignment of one attribute; what cannot be loaded leaves the last good
policy in force. Nothing is parsed while nothing changed.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TypeAlias

from emrgateway_server import engines
from emrgateway_server.policy import Engine, Prices
from emrgateway_server.yamlfile import ConfigurationError, Problem

# Longer than the tick of a file system's clock, within which two writes have one time; and longer than an editor takes
# from emptying a file to filling it.
SETTLING_SECONDS = 0.05
# A load can fail by the machine's fault (no memory, no file descriptors), which changes nothing in the directory.
RETRY_SECONDS = 30.0
FIRST_TRIES = 10

State: TypeAlias = tuple[object, ...]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Loaded:
    engine: Engine
    at: float


class PolicySource:
    """Holds the engine in force. A call takes it once, and so is judged by one policy from beginning to end."""

    def __init__(self, directory: str | Path, prices: Prices | None = None) -> None:
        """Load the directory, or `ConfigurationError` with every mistake in it."""
        self._directory = Path(directory)
        self._prices = prices
        self._stopping = threading.Event()
        self._told: Sequence[Problem] = ()
        self._retry_at = inf
        self.failures = 0
        self._state, self._loaded = self._first()

    @property
    def engine(self) -> Engine:
        """The engine in force: the last good one."""
        return self._loaded.engine

    @property
    def age_seconds(self) -> float:
        """How long ago the policy in force was loaded."""
        return time.monotonic() - self._loaded.at

    @property
    def is_current(self) -> bool:
        """Whether the last load succeeded: the policy in force is what the directory says."""
        return not self._told

    def start(self, seconds: float) -> None:
        """Look for changes every so many seconds, in a thread of its own; 0 is never."""
        if seconds > 0:
            threading.Thread(target=self._watch, args=(seconds,), name="policy", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def look(self) -> None:
        """Load again where the directory has changed; after a failed load, after a while in any case.

        Files that are still being written, or were while they were read, are left for the next look.
        """
        state = state_of(self._directory)
        if state == self._state and time.monotonic() < self._retry_at:
            return
        if not _is_swapped_whole(state):
            self._stopping.wait(SETTLING_SECONDS)
        self._state = state
        try:
            loaded = self._load()
        except ConfigurationError as error:
            if state_of(self._directory) == state:
                self._refuse(error.problems)
            return
        if state_of(self._directory) == state:
            self._take(loaded)

    def _watch(self, seconds: float) -> None:
        while not self._stopping.wait(seconds):
            try:
                self.look()
            except Exception:  # noqa: BLE001 - a bug, or no memory: no reason to stay with an old policy for ever
                self._refuse([Problem(str(self._directory), 0, 0, traceback.format_exc())])

    def _first(self) -> tuple[State, _Loaded]:
        for _ in range(FIRST_TRIES):
            state = state_of(self._directory)
            try:
                loaded = self._load()
            except ConfigurationError:
                if state_of(self._directory) == state:
                    raise
            else:
                if state_of(self._directory) == state:
                    return state, loaded
        raise ConfigurationError([Problem(str(self._directory), 0, 0, "changes faster than it can be read")])

    def _load(self) -> _Loaded:
        return _Loaded(engines.load(self._directory, self._prices, serving=True), time.monotonic())

    def _take(self, loaded: _Loaded) -> None:
        self._loaded = loaded
        self._told, self._retry_at = (), inf
        _log.info("policy %s from %s", loaded.engine.digest, self._directory)

    def _refuse(self, problems: Sequence[Problem]) -> None:
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self.failures += 1
        if tuple(problems) == tuple(self._told):
            return
        self._told = tuple(problems)
        _log.error("policy %s stays in force: %s cannot be loaded", self.engine.digest, self._directory)
        for problem in problems:
            _log.error("%s", problem)


def state_of(directory: Path) -> State:
    """What is another whenever a directory's documents are, without reading them.

    Of a ConfigMap, its link `..data`, which the kubelet swaps: what is behind it never changes. Of a plain directory,
    what its files' entries say; the time of change is among it, which no tool that keeps the other times can keep.
    """
    try:
        data = directory / "..data"
        link = data.lstat()
        return ("..data", os.fspath(data.readlink()), link.st_ino, link.st_ctime_ns)
    except OSError:
        pass  # no ConfigMap
    try:
        with os.scandir(directory) as entries:
            return tuple(sorted(_entry(entry) for entry in entries if entry.name.endswith((".yaml", ".yml"))))
    except OSError as error:
        return (error.errno,)


def _entry(entry: os.DirEntry[str]) -> tuple[object, ...]:
    try:
        file = entry.stat()
    except OSError as error:
        return (entry.name, error.errno)
    return (entry.name, file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns)


def _is_swapped_whole(state: State) -> bool:
    return state[:1] == ("..data",)
