"""Single flight: of equal requests at the same time, on one replica, one does the work and all get what it got."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from emrgateway_server import record
from emrgateway_server.call import Call
from emrgateway_server.errors import DeadlineNears, GatewayError, UpstreamUnknown
from emrgateway_server.ledger.rows import Submission
from emrgateway_server.ledger.submissions import LAST_WORDS_SECONDS, token_reused

GAIN_SECONDS = 0.25  # how much more time than the first one had is worth another try

_Reply = TypeVar("_Reply")


class _Flight(Generic[_Reply]):
    """One submission's work while its call lasts, and how it ended; neither reply nor error where the call did."""

    def __init__(self, intent: str, call: Call) -> None:
        self.intent = intent
        self.call = call
        self.ended = threading.Event()
        self.reply: _Reply | None = None
        self.error: GatewayError | None = None

    def error_for(self, call: Call) -> GatewayError | None:
        """The error that a call shares; not one that its longer time may spare it."""
        if self.error is None or (
            self.error.is_of_clock and call.remaining_seconds > self.call.remaining_seconds + GAIN_SECONDS
        ):
            return None
        return self.error.copied()


class Flights(Generic[_Reply]):
    """The submissions that are being worked at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[str, _Flight[_Reply]] = {}

    def share(self, submission: Submission, call: Call, work: Callable[[], _Reply]) -> _Reply:
        """Do the work, or wait for who does it already; `ClientTokenReused` where that is other work.

        Replies and refusals are shared. That the first one's time is up, or too short for what it met, or that it met a
        bug, is its own: the next one works on, though AWS may let the first one's thread hang for a while. Who waits
        does not know what the first one has sent, and who works on inherits its doubt.
        """
        doubt = call.is_suspected
        while True:
            with self._lock:
                flight = self._flights.get(submission.token)
                if flight is None or flight.call.remaining_seconds <= 0:
                    if flight is not None:
                        flight.call.abandon()  # for sure: what it has not sent by now, it never will
                        doubt = doubt or flight.call.may_have_started
                    call.is_suspected = doubt
                    mine = self._flights[submission.token] = _Flight(submission.intent, call)
                    break
            if flight.intent != submission.intent:
                raise call.told(token_reused())
            patience = call.remaining_seconds - LAST_WORDS_SECONDS
            if patience <= 0:
                raise UpstreamUnknown("the same submission is still on its way: retry with the same client_token")
            call.is_suspected = True
            with call.parked():
                ended = flight.ended.wait(min(patience, max(0.0, flight.call.remaining_seconds)))
            if flight.reply is not None:
                record.note_recall()
                return flight.reply
            error = flight.error_for(call)
            if ended and error is None:
                doubt = doubt or flight.call.may_have_started
            call.is_suspected = doubt
            if error is not None:
                raise call.told(error)
        return self._worked(submission, mine, work)

    def _worked(self, submission: Submission, flight: _Flight[_Reply], work: Callable[[], _Reply]) -> _Reply:
        try:
            flight.reply = work()
        except GatewayError as error:
            told = flight.call.told(error)
            if not isinstance(error, DeadlineNears):
                flight.error = told.copied()
            raise
        finally:
            with self._lock:
                if self._flights.get(submission.token) is flight:
                    del self._flights[submission.token]
            flight.ended.set()
        return flight.reply
