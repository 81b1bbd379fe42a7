"""The rate limiter of one operation toward one account and region; pure: it is told the time.

Its pace is a token bucket, and the line before it a fair queue.
"""

from __future__ import annotations

from emrgateway_server.emr.line import Line, State, Ticket
from emrgateway_server.emr.pace import Pace


class TooBusy(Exception):
    """A turn would come too late, or the line is full; `seconds` is when one would have come."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Lane:
    """Turns, each from `ask` or `granted` until `done`; at most so many at once, so that no lane holds all threads."""

    def __init__(self, *, per_second: float, burst: float, most_waiting: int, most_at_once: int, now: float) -> None:
        self._pace = Pace(per_second, burst, now)
        self._line = Line(most_waiting)
        self._most = most_at_once
        self._under_way = 0

    @property
    def length(self) -> int:
        """How many tickets wait."""
        return len(self._line)

    def ask(self, ticket: Ticket, now: float, *, again: bool = False) -> None:
        """Grant a turn now or let the ticket wait, before its caller's others where it is `again`; or `TooBusy`."""
        if not self._line and self._grant(ticket, now):
            return
        seconds = self._pace.seconds_to(self._line.ahead(ticket.caller, in_front=again) + 1, now)
        if now + seconds > ticket.until:
            ticket.state = State.DROPPED
            raise TooBusy(seconds)
        dropped = self._line.join(ticket, in_front=again)
        if dropped is ticket:
            raise TooBusy(seconds)
        if dropped is not None:
            dropped.ring()

    def granted(self, now: float) -> list[Ticket]:
        """The tickets whose turn has come."""
        found = []
        while self._line and self._under_way < self._most and self._pace.take(now):
            ticket = self._line.next()
            if ticket is None:
                raise AssertionError("a line that is not empty has a next")
            self._under_way += 1
            ticket.state = State.GRANTED
            found.append(ticket)
        return found

    def seconds_to_next(self, now: float) -> float | None:
        """How long until `granted` has news; None where only `ask` and `done` can bring any."""
        return self._pace.seconds_to(1, now) if self._line and self._under_way < self._most else None

    def seconds_to_turn(self, caller: str, now: float) -> float:
        """How long a new ticket of a caller would wait."""
        return self._pace.seconds_to(self._line.ahead(caller) + 1, now)

    def leave(self, ticket: Ticket) -> None:
        """Take back a ticket: one that waits, or a turn that was not used."""
        if ticket.state is State.WAITING:
            self._line.leave(ticket)
            ticket.state = State.DROPPED
        elif ticket.state is State.GRANTED:
            self._pace.give_back()
            self.done()

    def done(self) -> None:
        """A turn has ended."""
        self._under_way -= 1

    def accepted(self, now: float) -> None:
        """AWS took a call."""
        self._pace.accepted(now)

    def throttled(self, now: float) -> None:
        """AWS throttled a call."""
        self._pace.throttled(now)

    def _grant(self, ticket: Ticket, now: float) -> bool:
        if self._under_way >= self._most or not self._pace.take(now):
            return False
        self._under_way += 1
        ticket.state = State.GRANTED
        return True
