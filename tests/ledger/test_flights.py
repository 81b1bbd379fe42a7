"""Equal requests on one replica: one works, the others get what it got, and nobody waits for who has left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from emrgateway_server.call import Call
from emrgateway_server.errors import ClientTokenReused, DeadlineNears, UpstreamQuota, UpstreamUnknown
from emrgateway_server.ledger import Flights, Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATIENCE_SECONDS = 30
_FIRST = Submission("t", "i")


class _Work:
    """Work that begins, is held, and ends as it is told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun = threading.Event()
        self.held = threading.Event()
        self.error = error

    def __call__(self) -> str:
        """Do it."""
        self.begun.set()
        assert self.held.wait(_PATIENCE_SECONDS)
        if self.error is not None:
            raise self.error
        return "reply"


class _Waiting(Call):
    """A call that tells when it waits for another."""

    def __init__(self) -> None:
        super().__init__(_PATIENCE_SECONDS)
        self.waits = threading.Event()

    @contextmanager
    def parked(self) -> Iterator[None]:
        """Where it waits."""
        self.waits.set()
        yield


def test_a_reply_is_shared() -> None:
    """Five calls, one work."""
    flights: Flights[str] = Flights()
    work = _Work()
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        calls = [_Waiting() for _ in range(4)]
        others = [pool.submit(flights.share, _FIRST, call, pytest.fail) for call in calls]
        assert all(call.waits.wait(_PATIENCE_SECONDS) for call in calls)
        work.held.set()
        assert [call.result() for call in (first, *others)] == ["reply"] * 5


def test_a_refusal_is_shared_and_the_end_of_ones_patience_is_not() -> None:
    """AWS's quota is everybody's; the first one's deadline is its own, and another one does the work."""
    flights: Flights[str] = Flights()
    for error, shared in ((UpstreamQuota("no"), True), (DeadlineNears("no"), False)):
        work = _Work(error)
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
            assert work.begun.wait(_PATIENCE_SECONDS)
            call = _Waiting()
            second = pool.submit(flights.share, _FIRST, call, lambda: "mine")
            assert call.waits.wait(_PATIENCE_SECONDS)
            work.held.set()
            assert first.exception() is error
            if shared:
                assert second.exception() is error
            else:
                assert second.result() == "mine"


def test_another_request_is_refused_while_one_is_on_its_way() -> None:
    """The token is the first one's, whatever becomes of it; afterwards the ledger decides."""
    flights: Flights[str] = Flights()
    work = _Work()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        with pytest.raises(ClientTokenReused):
            flights.share(Submission("t", "other"), Call(_PATIENCE_SECONDS), pytest.fail)
        work.held.set()
        assert first.result() == "reply"
    assert flights.share(Submission("t", "other"), Call(_PATIENCE_SECONDS), lambda: "mine") == "mine"


def test_a_wait_in_vain() -> None:
    """Its own deadline nears first: `unknown`, since the first one may start a job."""
    flights: Flights[str] = Flights()
    work = _Work()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        with pytest.raises(UpstreamUnknown, match="still on its way"):
            flights.share(_FIRST, Call(0.1), pytest.fail)
        work.held.set()
        assert first.result() == "reply"


def test_who_has_left_is_not_waited_for() -> None:
    """The first one's caller was answered and its thread hangs: the next one works, and a third one shares that."""
    flights: Flights[str] = Flights()
    left, work = _Work(), _Work()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(flights.share, _FIRST, Call(0.1), left)
        assert left.begun.wait(_PATIENCE_SECONDS)
        second = pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        left.held.set()
        assert first.result() == "reply"
        call = _Waiting()
        third = pool.submit(flights.share, _FIRST, call, pytest.fail)
        assert call.waits.wait(_PATIENCE_SECONDS)
        work.held.set()
        assert (second.result(), third.result()) == ("reply", "reply")
