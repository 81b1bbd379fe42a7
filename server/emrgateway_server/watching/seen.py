"""How a job run stood when it was looked at, and what of that is news to whom."""

from __future__ import annotations

from dataclasses import dataclass

# No run leaves these. CANCELLING is none of them, and neither is a state to come.
ENDS = frozenset({"SUCCESS", "FAILED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A state in AWS's word, the attempt that is in it (0: not told), and AWS's time of the last change.

    `updated_ms` is in milliseconds of the epoch, 0 where AWS told none.
    """

    state: str
    attempt: int = 0
    updated_ms: int = 0

    @property
    def is_end(self) -> bool:
        """Whether the run has ended."""
        return self.state in ENDS

    def is_older_than(self, other: Seen) -> bool:
        """Whether AWS answered with what it knew before: one of its servers may lag behind another."""
        if self.is_end or other.is_end:
            return other.is_end and not self.is_end
        return 0 < self.updated_ms < other.updated_ms

    def is_news_after(self, other: Seen | None) -> bool:
        """Whether this is to be told to who has seen that. An end is, always: the stream ends with it."""
        if other is None or self.is_end:
            return True
        if self.is_older_than(other):
            return False
        differs = self.attempt != other.attempt and bool(self.attempt and other.attempt)
        return differs or self.state != other.state
