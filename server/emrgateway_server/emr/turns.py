"""Turns toward AWS for threads: each waits for its own, and one thread of the lane hands them out."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from emrgateway_server.call import Call
from emrgateway_server.emr.lane import Lane, TooBusy
from emrgateway_server.emr.line import State, Ticket
from emrgateway_server.errors import Throttled

WORTH_SECONDS = 0.25  # what a try needs of AWS: after a wait, none is begun with less
LEAST_RETRY_SECONDS = 0.1
MOST_RETRY_SECONDS = 60.0


class Turns:
    """The turns of one lane, thread-safe."""

    def __init__(self, lane: Callable[[float], Lane], what: str) -> None:
        """`lane` makes the lane, as of a time; `what` names it to callers."""
        self._lane = lane(time.monotonic())
        self._what = what
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    @contextmanager
    def turn(
        self,
        caller: str,
        call: Call,
        *,
        again: bool = False,
        waiting: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> Iterator[None]:
        """Wait for a turn and hold it. `Throttled` where none comes in time, `DeadlineNears` where nobody waits.

        `waiting` goes around the wait, where there is one.
        """
        ticket = self._ticket(caller, call, again=again)
        if ticket.state is not State.GRANTED:
            with waiting():
                self._await(ticket, call)
        try:
            yield
        finally:
            with self._changed:
                self._lane.done()
                self._changed.notify()

    @property
    def length(self) -> int:
        """How many calls wait."""
        return self._lane.length

    def accepted(self) -> None:
        """AWS took a call."""
        with self._changed:
            self._lane.accepted(time.monotonic())

    def throttled(self) -> None:
        """AWS throttled a call."""
        with self._changed:
            self._lane.throttled(time.monotonic())

    def close(self) -> None:
        """Hand out no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _ticket(self, caller: str, call: Call, *, again: bool) -> Ticket:
        now, left = time.monotonic(), call.remaining_seconds
        ticket = Ticket(caller, now + left - min(WORTH_SECONDS, left / 2), call.ring)
        with self._changed:
            try:
                self._lane.ask(ticket, now, again=again)
            except TooBusy as busy:
                raise self._throttled(busy.seconds) from None
            if ticket.state is not State.GRANTED:
                self._hand_out()
        return ticket

    def _await(self, ticket: Ticket, call: Call) -> None:
        try:
            with call.parked():
                while ticket.state is State.WAITING and (left := ticket.until - time.monotonic()) > 0:
                    call.pause(left)
            call.check()
        except BaseException:  # whatever ended the wait: a ticket left in line gets a turn that nobody takes
            self._leave(ticket)
            raise
        if ticket.state is not State.GRANTED:
            self._leave(ticket)
            raise self._refused(ticket)

    def _leave(self, ticket: Ticket) -> None:
        """Take back a ticket, or a turn that came in the last moment."""
        with self._changed:
            self._lane.leave(ticket)
            self._changed.notify()

    def _refused(self, ticket: Ticket) -> Throttled:
        with self._changed:
            return self._throttled(self._lane.seconds_to_turn(ticket.caller, time.monotonic()))

    def _throttled(self, seconds: float) -> Throttled:
        # Spread: who was refused together would come back together.
        after = min(MOST_RETRY_SECONDS, max(LEAST_RETRY_SECONDS, seconds)) * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, no secret
        return Throttled(
            f"the gateway's turns for {self._what} are taken until the deadline nears: retry later",
            retry_after=after,
            is_of_clock=True,
        )

    def _hand_out(self) -> None:
        """Let the lane's thread see to it that whoever waits gets a turn."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="turns", daemon=True)
            self._thread.start()
        self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                for ticket in self._lane.granted(now):
                    ticket.ring()
                self._changed.wait(self._lane.seconds_to_next(now))
