"""How often to look at a run: soon after it changed, ever more rarely while it stays as it is. Pure.

All runs of an application are looked at on one grid, in steps of powers of two, so that those that are due come due
together and one list answers for them.
"""

from __future__ import annotations

import math

QUICKEST_SECONDS = 1.0
SLOWEST_SECONDS = 32.0  # the longest that an end goes unseen while AWS answers
# A change is seen within a twentieth of the time for which the run was as it is.
SHARE = 0.05
# A look's calls count no more than this: those for runs that have ended come once.
CALLS_A_SECOND, MOST_COUNTED = 4.0, 8
# What a look took is rested as many times: where turns are scarce, or AWS is slow, looks grow rarer.
REST = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0


def step(unchanged_seconds: float) -> float:
    """The step of a run that has been as it is for so long."""
    wanted = min(SLOWEST_SECONDS, max(QUICKEST_SECONDS, unchanged_seconds * SHARE))
    return float(2.0 ** math.floor(math.log2(wanted)))


def due(now: float, unchanged_seconds: float, phase: float = 0.0) -> float:
    """When a run is looked at next, on the grid, which an application's phase shifts."""
    seconds = step(unchanged_seconds)
    return (math.floor((now - phase) / seconds) + 1) * seconds + phase


def rest(calls: int, seconds: float) -> float:
    """How long to rest after a look that took so many calls and so long."""
    return max(min(calls, MOST_COUNTED) / CALLS_A_SECOND, REST * seconds)


def back_off(failures: int) -> float:
    """How long to rest after so many looks that failed in a row, before jitter."""
    return float(min(LONGEST_BACK_OFF_SECONDS, 2.0 ** min(failures, 10)))
