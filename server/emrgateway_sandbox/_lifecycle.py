"""A job run's states, by the clock alone: nothing runs, and nothing has to be woken."""

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TERMINAL: Final = frozenset({"SUCCESS", "FAILED", "CANCELLED"})

_USUAL: Final = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS")
# Wall time as it was at import, carried on by the clock that never steps back: a state must not un-happen.
_EPOCH: Final = time.time() - time.monotonic()


def now() -> float:
    """Tell the time in epoch seconds, never going back."""
    return _EPOCH + time.monotonic()


@dataclass(frozen=True, slots=True)
class Step:
    """One state of a script: `seconds` is how long it lasts, but for the last one, which stays.

    `state` is any word, AWS's or one to come. `details` are its stateDetails, the usual ones if empty. A retry is a
    step whose `attempt` is one more than that of the step before it.
    """

    state: str
    seconds: float = 0.0
    details: str = ""
    attempt: int = 1

    def check(self) -> None:
        """Raise ValueError, or TypeError, where something is not as it should be."""
        if not self.state:
            raise ValueError("state: give a word")
        if not self.seconds >= 0:
            raise ValueError(f"seconds: {self.seconds!r} is not 0 or more")
        if not self.attempt >= 1:
            raise ValueError(f"attempt: {self.attempt!r} is not 1 or more")


@dataclass(frozen=True, slots=True)
class Turn:
    """When (epoch seconds) a job run came, or will come, into a state."""

    since: float
    state: str
    details: str = ""
    attempt: int = 1


Timeline = tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """How far one attempt has come: its state, since when, and when it began."""

    number: int
    created_at: float
    state: str
    since: float
    details: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job run has come: its state, since when, and (epoch seconds) when it began to run and ended."""

    state: str
    since: float
    details: str
    started_at: float | None
    ended_at: float | None
    queued_seconds: float
    attempts: tuple[Attempt, ...]


def usual(created_at: float, seconds: float) -> Timeline:
    """Plan a run that succeeds, each of its states taking so many seconds."""
    return tuple(Turn(created_at + number * seconds, state) for number, state in enumerate(_USUAL))


def driven(timeline: Timeline, steps: Sequence[Step], moment: float) -> Timeline:
    """Plan anew from a moment on; what has been by then stays."""
    since = math.floor(moment * 1000) / 1000  # AWS's times have milliseconds
    planned = []
    for step in steps:
        planned.append(Turn(since, step.state, step.details, step.attempt))
        since += step.seconds
    return (*_passed(timeline, planned[0].since), *planned)


def progress(timeline: Timeline, moment: float) -> Progress:
    """Tell how far a job run has come at a moment."""
    passed = _passed(timeline, moment)
    last = passed[-1]
    return Progress(
        state=last.state,
        since=last.since,
        details=last.details,
        started_at=next((turn.since for turn in passed if turn.state == "RUNNING"), None),
        ended_at=last.since if last.state in TERMINAL else None,
        queued_seconds=sum(
            after.since - turn.since for turn, after in itertools.pairwise(passed) if turn.state == "QUEUED"
        ),
        attempts=tuple(_attempts(passed)),
    )


def _passed(timeline: Timeline, moment: float) -> Timeline:
    """The turns up to a moment; the first one always, for it is what made the run."""
    return (timeline[0], *(turn for turn in timeline[1:] if turn.since <= moment))


def _attempts(passed: Timeline) -> list[Attempt]:
    found: dict[int, Attempt] = {}
    for turn in passed:
        if turn.attempt not in found:
            for earlier in found.values():
                if earlier.state not in TERMINAL:
                    found[earlier.number] = Attempt(earlier.number, earlier.created_at, "FAILED", turn.since, "")
        created_at = found[turn.attempt].created_at if turn.attempt in found else turn.since
        found[turn.attempt] = Attempt(turn.attempt, created_at, turn.state, turn.since, turn.details)
    return list(found.values())
