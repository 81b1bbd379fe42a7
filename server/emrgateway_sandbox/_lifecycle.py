"""A job run's states, by the clock alone: nothing runs, and nothing has to be woken."""

import time
from dataclasses import dataclass
from typing import Final

_STEPS: Final = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING")
_RUNNING: Final = _STEPS.index("RUNNING")
TERMINAL: Final = frozenset({"SUCCESS", "FAILED", "CANCELLED"})

# Wall time as it was at import, carried on by the clock that never steps back: a state must not un-happen.
_EPOCH: Final = time.time() - time.monotonic()


def now() -> float:
    """Tell the time in epoch seconds, never going back."""
    return _EPOCH + time.monotonic()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job run has come: its state, since when, and (epoch seconds) when it began to run and ended."""

    state: str
    since: float
    started_at: float | None = None
    ended_at: float | None = None


def progress(created_at: float, cancelled_at: float | None, step: float, moment: float) -> Progress:
    """Tell how far a job run has come at `moment`, each of its states taking `step` seconds.

    All times are epoch seconds; `cancelled_at` is when CancelJobRun was called, None if it was not.
    """
    running_at = created_at + _RUNNING * step
    if cancelled_at is None:
        passed = int((moment - created_at) / step) if step > 0 else len(_STEPS)
        if passed >= len(_STEPS):
            ended_at = created_at + len(_STEPS) * step
            return Progress("SUCCESS", ended_at, running_at, ended_at)
        state = max(passed, 0)
        return Progress(_STEPS[state], created_at + state * step, running_at if state == _RUNNING else None)
    started_at = running_at if running_at <= cancelled_at else None
    ended_at = cancelled_at + step
    if moment < ended_at:
        return Progress("CANCELLING", cancelled_at, started_at)
    return Progress("CANCELLED", ended_at, started_at, ended_at)
