"""How fast calls may go: a token bucket whose rate gives way to throttles and comes back.

Additive increase, multiplicative decrease, and not the AWS SDKs' adaptive mode: that one searches for a limit it does
not know, by a cubic curve that each client climbs for itself. Here the operator says the limit, others (replicas,
consoles, schedulers) may share it, and of the two only AIMD is known to bring those who share to equal shares.
The decrease starts from what AWS has just accepted: one stray throttle costs a tenth, a wrong limit a few tries.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 2.0  # over which the accepted calls are counted, or longer:
WINDOW_TURNS = 10  # in fewer, chance decides
REACTION_SECONDS = 1.0  # throttles that come together are one
RECOVERY_SECONDS = 20.0  # from nothing to the configured rate, but no faster than:
GROWTH = 0.1  # of itself a second, or a low limit would be overrun between two turns
KEPT = 0.9
LEAST = 0.02  # of the configured rate


class Pace:
    """The turns that one operation has toward one account and region. Pure: it is told the time."""

    def __init__(self, per_second: float, burst: float, now: float) -> None:
        self._ceiling = per_second
        self._burst = max(1.0, burst)
        self._rate = per_second
        self._turns = self._burst
        self._seen = now
        self._cut = now - REACTION_SECONDS
        self._accepted: deque[float] = deque()

    def rate(self, now: float) -> float:
        """Turns a second, as of now."""
        self._advance(now)
        return self._rate

    def seconds_to(self, count: float, now: float) -> float:
        """How long until so many turns are free, if nobody takes one."""
        self._advance(now)
        return max(0.0, (count - self._turns) / self._rate)

    def take(self, now: float) -> bool:
        """Take a turn, where one is free."""
        self._advance(now)
        if self._turns < 1.0:
            return False
        self._turns -= 1.0
        return True

    def give_back(self) -> None:
        """Give a turn back that was not used."""
        self._turns = min(self._burst, self._turns + 1.0)

    def accepted(self, now: float) -> None:
        """AWS took a call."""
        self._accepted.append(now)
        self._forget(now)

    def throttled(self, now: float) -> None:
        """AWS throttled a call."""
        self._advance(now)
        self._turns = min(self._turns, 0.0)
        if now - self._cut < REACTION_SECONDS:
            return
        self._cut = now
        got_through = KEPT * min(self._rate, len(self._accepted) / self._forget(now))
        self._rate = max(self._ceiling * LEAST, self._rate / 2, got_through)

    def _forget(self, now: float) -> float:
        """Forget the accepted calls of before the window; its length."""
        seconds = max(WINDOW_SECONDS, WINDOW_TURNS / self._rate)
        while self._accepted and self._accepted[0] <= now - seconds:
            self._accepted.popleft()
        return seconds

    def _advance(self, now: float) -> None:
        passed = max(0.0, now - self._seen)
        self._seen = max(self._seen, now)
        before = self._rate
        growth = min(self._ceiling / RECOVERY_SECONDS, before * GROWTH)
        self._rate = min(self._ceiling, before + growth * passed)
        self._turns = min(self._burst, self._turns + passed * (before + self._rate) / 2)
