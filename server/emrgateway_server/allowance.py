"""What strangers may have written down: so much at once, then so much a second; the rest is counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Allowance:
    """One allowance. Thread-safe."""

    def __init__(self, burst: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._left = burst
        self._at = clock()
        self._told = 0
        self.kept_back = 0  # ever

    def take(self) -> bool:
        """Whether one more may be written; else it is kept back."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
            self._at = now
            if self._left < 1:
                self.kept_back += 1
                return False
            self._left -= 1
            return True

    def tell(self) -> int:
        """How many were kept back since this was last asked."""
        with self._lock:
            untold, self._told = self.kept_back - self._told, self.kept_back
            return untold
