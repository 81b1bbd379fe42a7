"""How the benchmarks measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

ROUNDS = 7
CALLS = 200


def cpu_microseconds(work: Callable[[], object]) -> float:
    """The CPU time of one call in this thread: the median of `ROUNDS` rounds of `CALLS`."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(CALLS):
            work()
        rounds.append((time.thread_time() - start) / CALLS * 1e6)
    return median(rounds)
