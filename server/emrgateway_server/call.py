"""One call's clock and its point of no return, shared by the event loop and the thread that works for it."""

from __future__ import annotations

import threading
import time
from enum import Enum, auto

from emrgateway_server.errors import DeadlineNears, DeadlineNearsAfterSend


class _State(Enum):
    JUDGING = auto()
    SENT = auto()
    ABANDONED = auto()


class Call:
    """What is left of a caller's patience, and whether something was sent that can start a job."""

    def __init__(self, seconds: float, advice: str = "retry") -> None:
        """`seconds` from now is when the answer must have left; `advice` is what to do when it is not known."""
        self._advice = advice
        self._ends = time.monotonic() + seconds
        self._state = _State.JUDGING
        self._lock = threading.Lock()
        # Whether an earlier call with the same token may have started a job: as far as is known, no.
        self.is_suspected = False

    @property
    def remaining_seconds(self) -> float:
        """The time left to answer in; negative when it is over."""
        return self._ends - time.monotonic()

    def check(self) -> None:
        """Raise `DeadlineNears` where the caller was answered, or is about to be."""
        with self._lock:
            self._check()

    def begin_send(self) -> None:
        """Pass the point of no return, or raise `DeadlineNears` where the caller was answered, or is about to be."""
        with self._lock:
            self._check()
            self._state = _State.SENT

    def _check(self) -> None:
        if self._state is _State.ABANDONED or self.remaining_seconds <= 0:
            self._state = _State.ABANDONED
            raise self._out_of_time()

    def abandon(self) -> DeadlineNears:
        """Answer without waiting any longer: nothing is sent from now on. The error says whether something was."""
        with self._lock:
            if self._state is not _State.SENT:
                self._state = _State.ABANDONED
            return self._out_of_time()

    @property
    def may_have_started(self) -> bool:
        """Whether something was sent that can start a job, by this call or an earlier one with the same token."""
        return self.is_suspected or self._state is _State.SENT

    def _out_of_time(self) -> DeadlineNears:
        if self.may_have_started:
            return DeadlineNearsAfterSend(f"the deadline nears and AWS has not answered: {self._advice}")
        return DeadlineNears("the deadline nears and nothing was sent: retry with more time")
