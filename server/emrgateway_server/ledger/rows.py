"""One submission's row, and what every keeper of rows must do with it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """How far a submission has come."""

    SENT = "sent"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Submission:
    """A caller's token and what was asked for with it: two digests, the same on every replica."""

    token: str
    intent: str


@dataclass(frozen=True, slots=True)
class Row:
    """What is remembered of a submission. All times are epoch seconds.

    A `sent` row may have started a job: its sender works at it until `lease_until`, after which another may take it
    over. `sent_at` is when it was first sent, whoever sent it since. A `done` row holds the reply that was given, as
    bytes. `version` is new with every write, so that a writer knows whether the row is still the one that it read.
    """

    token: str
    intent: str
    state: State
    sent_at: float
    lease_until: float
    expires_at: float
    version: str
    reply: bytes = b""

    def is_live(self, now: float) -> bool:
        """Whether somebody is at work on it: what must not be forgotten for want of room."""
        return self.state is State.SENT and self.lease_until > now


class LedgerDown(Exception):
    """Rows can be neither read nor written now. No caller meets it: `Submissions` decides what it means."""


class Ledger(Protocol):
    """Keeps rows. A row that has expired is as none, whether or not it is still there.

    Every method is thread-safe, blocks for a few seconds at most, and raises `LedgerDown` where it cannot do its work:
    a write that failed so may have been done.
    """

    def find(self, token: str) -> Row | None:
        """The row of a token, as the last write left it."""

    def write(self, row: Row, *, over: Row | None) -> bool:
        """Put a row in the place of `over` (None: of none); False, and nothing done, where another stands there."""

    def remove(self, row: Row) -> None:
        """Forget a row, unless it has been written over."""

    def close(self) -> None:
        """Let go of what is held."""
