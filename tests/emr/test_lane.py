"""Who gets which turn: fair among callers, bounded, refused early; with a clock of our own, no threads."""

from __future__ import annotations

import heapq
from collections import Counter
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.emr.lane import Lane, TooBusy
from emrgateway_server.emr.line import Line, State, Ticket

_FOREVER = 1e9


def _ticket(caller: str, until: float = _FOREVER) -> Ticket:
    return Ticket(caller, until, lambda: None)


def _lane(per_second: float = 1, burst: float = 1, most_waiting: int = 1_000, most_at_once: int = 1_000) -> Lane:
    return Lane(per_second=per_second, burst=burst, most_waiting=most_waiting, most_at_once=most_at_once, now=0.0)


_MOVES = st.lists(st.tuples(st.sampled_from(["join", "join", "front", "next", "leave"]), st.sampled_from("abcd")))


@given(st.integers(1, 8), _MOVES)
def test_any_line(most: int, moves: list[tuple[str, str]]) -> None:
    """Never longer than it may be, nobody lost or served twice, each caller's own in order, callers in turn."""
    line = Line(most)
    waiting: list[Ticket] = []
    for move, caller in moves:
        if move in ("join", "front"):
            ticket = _ticket(caller)
            lengths = Counter(other.caller for other in waiting)
            dropped = line.join(ticket, in_front=move == "front")
            waiting.append(ticket)
            if dropped is not None:
                assert len(waiting) == most + 1
                assert lengths[dropped.caller] + (dropped is ticket) == max(
                    [*lengths.values(), lengths[caller] + 1 if dropped is ticket else 0]
                )
                waiting.remove(dropped)
        elif move == "next":
            served = line.next()
            assert (served is None) is (not waiting)
            if served is not None:
                waiting.remove(served)
        elif waiting:
            line.leave(waiting.pop(0))
        assert len(line) == len(waiting) <= most
    left = [line.next() for _ in waiting]
    assert set(left) == set(waiting)
    assert line.next() is None


@given(st.lists(st.sampled_from("aaaaab"), max_size=30), st.sampled_from("abc"))
def test_those_ahead_are_as_many_as_told(callers: list[str], newcomer: str) -> None:
    """A new ticket is served after at most as many others as `ahead` says, when nobody else comes."""
    line = Line(1_000)
    for caller in callers:
        line.join(_ticket(caller))
    told = line.ahead(newcomer)
    ticket = _ticket(newcomer)
    line.join(ticket)
    served = [line.next() for _ in range(len(callers) + 1)]
    assert served.index(ticket) <= told <= served.index(ticket) + 1


def test_a_quiet_caller_is_not_behind_a_noisy_ones_queue() -> None:
    """With a hundred of one caller's waiting, another's first is served next but one."""
    line = Line(1_000)
    for _ in range(100):
        line.join(_ticket("noisy"))
    quiet = _ticket("quiet")
    line.join(quiet)
    assert quiet in (line.next(), line.next())


def test_a_full_line_makes_room_for_who_waits_least() -> None:
    """The longest queue's last is dropped for a quiet caller; the noisy one's own newcomer is refused."""
    lane = _lane(most_waiting=3)
    assert _asked(lane, "noisy").state is State.GRANTED
    first, second, third = (_asked(lane, "noisy") for _ in range(3))
    with pytest.raises(TooBusy):
        _asked(lane, "noisy")
    quiet = _asked(lane, "quiet")
    assert [ticket.state for ticket in (first, second, third, quiet)] == [
        State.WAITING,
        State.WAITING,
        State.DROPPED,
        State.WAITING,
    ]


def test_a_turn_that_would_come_too_late_is_refused_at_once() -> None:
    """The refusal says when one would have come; what waits is not disturbed."""
    lane = _lane(per_second=2)
    _asked(lane, "a")
    _asked(lane, "a")
    with pytest.raises(TooBusy) as busy:
        _asked(lane, "a", until=0.9)
    assert busy.value.seconds == pytest.approx(1.0)
    assert _asked(lane, "a", until=1.0).state is State.WAITING


def test_a_retry_is_its_callers_next() -> None:
    """What AWS throttled does not go behind its caller's others again."""
    lane = _lane()
    _asked(lane, "a")
    others = [_asked(lane, "a") for _ in range(3)]
    again = _ticket("a")
    lane.ask(again, 0.0, again=True)
    assert lane.granted(1.0) == [again]
    assert lane.granted(2.0) == [others[0]]


def test_so_many_at_once() -> None:
    """With all under way nobody gets a turn, whatever the pace; the end of one is the next one's beginning."""
    lane = _lane(per_second=1_000, burst=100, most_at_once=2)
    assert [_asked(lane, "a").state for _ in range(3)] == [State.GRANTED, State.GRANTED, State.WAITING]
    assert (lane.granted(9.0), lane.seconds_to_next(9.0)) == ([], None)
    lane.done()
    assert len(lane.granted(9.0)) == 1


@given(st.lists(st.sampled_from(["ask", "grant", "leave", "done"]), max_size=50), st.integers(1, 3))
def test_turns_are_neither_lost_nor_doubled(moves: list[str], most: int) -> None:
    """Whatever comes and goes, the turns under way are those granted and not ended, and never too many."""
    lane, now = _lane(per_second=5, burst=3, most_waiting=5, most_at_once=most), 0.0
    waiting: list[Ticket] = []
    held: list[Ticket] = []
    for move in moves:
        now += 0.1
        if move == "ask":
            ticket = _ticket("ab"[len(moves) % 2])
            try:
                lane.ask(ticket, now)
            except TooBusy:
                continue
            (held if ticket.state is State.GRANTED else waiting).append(ticket)
        elif move == "grant":
            for ticket in lane.granted(now):
                waiting.remove(ticket)
                held.append(ticket)
        elif move == "leave" and (waiting or held):
            lane.leave((waiting or held).pop())
        elif move == "done" and held:
            held.pop()
            lane.done()
        waiting = [ticket for ticket in waiting if ticket.state is State.WAITING]
        assert len(held) <= most
    for _ in held:
        lane.done()
    assert len(lane.granted(_FOREVER)) == min(len(waiting), most, 3)


def _asked(lane: Lane, caller: str, until: float = _FOREVER) -> Ticket:
    ticket = _ticket(caller, until)
    lane.ask(ticket, 0.0)
    return ticket


def _waits(arrivals: list[tuple[float, str]], deadline: float) -> dict[str, list[float]]:
    """How long each caller's calls wait that get a turn, a refused one counting as the whole deadline."""
    lane, now = _lane(per_second=50, burst=50, most_waiting=256, most_at_once=192), 0.0
    waits: dict[str, list[float]] = {}
    born: dict[Ticket, float] = {}
    events = [(when, number, caller) for number, (when, caller) in enumerate(arrivals)]
    heapq.heapify(events)
    while events or born:
        soonest = lane.seconds_to_next(now)
        if events and (soonest is None or events[0][0] <= now + soonest):
            now, _, caller = heapq.heappop(events)
            ticket = _ticket(caller, now + deadline)
            try:
                lane.ask(ticket, now)
            except TooBusy:
                waits.setdefault(caller, []).append(deadline)
                continue
            born[ticket] = now
        elif soonest is not None:
            now += soonest + 1e-9
        lane.granted(now)
        for ticket in [ticket for ticket in born if ticket.state is not State.WAITING]:
            waited = now - born.pop(ticket) if ticket.state is State.GRANTED else deadline
            waits.setdefault(ticket.caller, []).append(waited)
            if ticket.state is State.GRANTED:
                lane.done()
    return waits


def test_nine_quiet_callers_beside_a_flood() -> None:
    """One caller floods (400 a second against 50), nine submit one a second: none of theirs waits for a round."""
    quiet = [(second + number / 9, f"quiet-{number}") for second in range(30) for number in range(9)]
    flood = [(tick / 400, "flood") for tick in range(30 * 400)]
    waits = _waits(sorted(quiet + flood), deadline=5.0)
    theirs = sorted(wait for caller, found in waits.items() if caller != "flood" for wait in found)
    assert len(theirs) == len(quiet)
    assert theirs[int(len(theirs) * 0.99)] <= 10 / 50  # a round of ten callers
    assert median(waits["flood"]) > 1
