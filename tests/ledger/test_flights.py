"""Equal requests on one replica: one works, the others get what it got, and nobody waits for who has left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from emrgateway_server.call import Call
from emrgateway_server.errors import (
    ClientTokenReused,
    DeadlineNears,
    NotFound,
    Outcome,
    Throttled,
    UpstreamQuota,
    UpstreamUnknown,
)
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

    def __init__(self, seconds: float = _PATIENCE_SECONDS) -> None:
        super().__init__(seconds)
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
                told = second.exception()
                assert isinstance(told, UpstreamQuota)
                assert told is not error
                assert told.message == error.message
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


@pytest.mark.parametrize("sends", [True, False])
@pytest.mark.parametrize("end", ["error", "hangs"])
def test_who_waits_may_have_started_a_job_and_who_works_on_inherits_the_doubt(end: str, *, sends: bool) -> None:
    """While it waits, `unknown`; when it takes over, what the first one has sent decides, ended or hanging."""
    flights: Flights[str] = Flights()
    first = Call(0.3 if end == "hangs" else _PATIENCE_SECONDS)
    work = _Work(DeadlineNears("no"))

    def begin() -> str:
        if sends:
            first.begin_send()
        return work()

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(flights.share, _FIRST, first, begin)
        assert work.begun.wait(_PATIENCE_SECONDS)
        call = _Waiting()
        second = pool.submit(flights.share, _FIRST, call, lambda: str(call.is_suspected))
        assert call.waits.wait(_PATIENCE_SECONDS)
        assert call.may_have_started
        if end == "error":
            work.held.set()
        assert second.result(_PATIENCE_SECONDS) == str(sends)
        work.held.set()
        assert isinstance(leader.exception(), DeadlineNears)


def test_who_waits_is_told_so_when_it_is_cut_short() -> None:
    """Its own deadline, or the server's end: `unknown`, since the first one may have sent."""
    for cut, reason in ((Call.abandon, "DEADLINE"), (Call.cut_short, "UPSTREAM_UNKNOWN")):
        flights: Flights[str] = Flights()
        work = _Work()
        with ThreadPoolExecutor(2) as pool:
            pool.submit(flights.share, _FIRST, Call(_PATIENCE_SECONDS), work)
            assert work.begun.wait(_PATIENCE_SECONDS)
            call = _Waiting()
            second = pool.submit(flights.share, _FIRST, call, pytest.fail)
            assert call.waits.wait(_PATIENCE_SECONDS)
            told = cut(call)
            assert (told.reason, told.outcome) == (reason, Outcome.UNKNOWN)
            work.held.set()
            assert second.result() == "reply"


def test_the_doubt_is_told_to_all_and_what_one_writes_into_its_error_is_its_own() -> None:
    """`unknown` stands in the error before the flight ends; each gets an error that the others cannot amend."""
    flights: Flights[str] = Flights()
    error = NotFound("no", resource_type="application", resource="a")
    work = _Work(error)
    with ThreadPoolExecutor(3) as pool:
        leading = Call(_PATIENCE_SECONDS)
        leading.is_suspected = True
        first = pool.submit(flights.share, _FIRST, leading, work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        calls = [_Waiting(), _Waiting()]
        others = [pool.submit(flights.share, _FIRST, call, pytest.fail) for call in calls]
        assert all(call.waits.wait(_PATIENCE_SECONDS) for call in calls)
        work.held.set()
        told = [call.exception() for call in (first, *others)]
    assert len({id(each) for each in told}) == 3
    for each in told:
        assert isinstance(each, NotFound)
        assert (each.metadata, each.resource, str(each)) == ({"outcome": "unknown"}, "a", "no")
        each.metadata["mine"] = "alone"


@pytest.mark.parametrize(("seconds", "shared"), [(_PATIENCE_SECONDS, False), (5.0, True)])
def test_what_a_short_clock_met_is_shared_with_those_whose_is_no_longer(seconds: float, *, shared: bool) -> None:
    """No turn until the first one's deadline: the next one tries for itself, given more time than the first had."""
    flights: Flights[str] = Flights()
    work = _Work(Throttled("busy", retry_after=1, is_of_clock=True))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.share, _FIRST, Call(5), work)
        assert work.begun.wait(_PATIENCE_SECONDS)
        call = _Waiting(seconds)
        second = pool.submit(flights.share, _FIRST, call, lambda: "mine")
        assert call.waits.wait(_PATIENCE_SECONDS)
        work.held.set()
        assert isinstance(first.exception(), Throttled)
        assert isinstance(second.exception(), Throttled) is shared
        assert shared or second.result() == "mine"
