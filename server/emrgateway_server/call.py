"""One call's peer, clock and points of no return, shared by the event loop and the thread that works for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from emrgateway_server.caller import Peer
from emrgateway_server.errors import (
    DeadlineNears,
    DeadlineNearsAfterSend,
    Draining,
    GatewayError,
    Outcome,
    UpstreamUnknown,
)


class Place(Protocol):
    """A place among the calls that are served at one time."""

    def leave(self) -> None:
        """Let another call have it."""

    def come_back(self) -> None:
        """Have one again."""


class Call:
    """What is left of a caller's patience, and whether anything was sent that can start a job."""

    def __init__(
        self, seconds: float, advice: str = "retry", place: Place | None = None, peer: Peer | None = None
    ) -> None:
        """`seconds` from now is when the answer must have left; `advice` is what to do when it is not known."""
        self.peer = peer or Peer()
        self._advice = advice
        self._whole: Call | None = None
        self._place = place
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._bell = threading.Event()
        self._abandoned = False
        self._asked = False
        self._sending = False
        self._doubtful = False
        # Whether an earlier call with the same token may have started a job: as far as is known, no.
        self.is_suspected = False

    def shortened(self, seconds: float) -> Call:
        """A part of this call that ends so much sooner, and with it: what is over then is not this call."""
        part = Call(self.remaining_seconds - seconds, self._advice, self._place, self.peer)
        part._whole = self
        return part

    @property
    def remaining_seconds(self) -> float:
        """The time left to answer in; negative when it is over."""
        return self._ends - time.monotonic()

    @property
    def may_have_started(self) -> bool:
        """Whether something was sent that can have started a job, by this call or an earlier one with its token."""
        return self.is_suspected or self._sending or self._doubtful

    def begin_send(self, *, starts: bool = True) -> None:
        """Pass a point of no return, or raise `DeadlineNears` where the caller was answered, or is about to be.

        `starts` says whether what is sent can start a job.
        """
        with self._lock:
            self._check()
            self._asked = True
            self._sending = self._sending or starts

    def end_send(self, *, may_have_started: bool) -> None:
        """Note that what was sent has failed. One try that may have started a job makes the whole call doubtful."""
        with self._lock:
            self._sending = False
            self._doubtful = self._doubtful or may_have_started

    def check(self) -> None:
        """Raise `DeadlineNears` where the caller was answered, or is about to be."""
        with self._lock:
            self._check()

    def pause(self, seconds: float) -> None:
        """Wait so long, or until `ring`; raise `DeadlineNears` as soon as nobody waits for the answer any more."""
        self._bell.wait(max(0.0, min(seconds, self.remaining_seconds)))
        self._bell.clear()
        self.check()

    @contextmanager
    def parked(self) -> Iterator[None]:
        """Wait in here without keeping others from being served."""
        if self._place is None:
            yield
            return
        self._place.leave()
        try:
            yield
        finally:
            self._place.come_back()

    def ring(self) -> None:
        """End the `pause` that is, or the next one."""
        self._bell.set()

    def abandon(self) -> DeadlineNears:
        """Answer without waiting any longer: nothing is sent from now on. The error says whether something was."""
        with self._lock:
            self._abandoned = True
            self._bell.set()
            return self._over()

    def cut_short(self) -> GatewayError:
        """The same as `abandon`, because the server ends."""
        self.abandon()
        if self.may_have_started:
            return UpstreamUnknown(f"the server is shutting down and AWS has not answered: {self._advice}")
        return Draining("the server is shutting down and nothing was started: retry, and another one answers")

    def told(self, error: GatewayError) -> GatewayError:
        """The error with the outcome of all that was sent, not of the last try alone."""
        if self.may_have_started:
            error.metadata["outcome"] = Outcome.UNKNOWN
        return error

    def _check(self) -> None:
        if self._whole is not None:
            self._whole.check()
        if self._abandoned or self.remaining_seconds <= 0:
            self._abandoned = True
            raise self._over()

    def _over(self) -> DeadlineNears:
        if self.may_have_started:
            return DeadlineNearsAfterSend(f"the deadline nears and AWS has not answered: {self._advice}")
        if self._asked:
            return DeadlineNears(f"the deadline nears and AWS has not answered: {self._advice}")
        return DeadlineNears("the deadline nears and nothing was sent: retry with more time")
