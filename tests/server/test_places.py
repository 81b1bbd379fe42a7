"""Places: bounded, some left to those that start jobs, none held by those that wait for a turn."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.errors import Draining, Throttled
from emrgateway_server.places import MOST_PARKED, PARKED_PER_PLACE, Place, Places
from emrgateway_server.settings import Limits


def test_reads_leave_places_to_starts() -> None:
    """Three quarters are for reads at most; starts may take what is left, and all of it."""
    places = Places(8)
    for _ in range(6):
        places.take(reads=True)
    with pytest.raises(Throttled):
        places.take(reads=True)
    for _ in range(2):
        places.take()
    with pytest.raises(Throttled):
        places.take()


def test_who_waits_for_a_turn_holds_no_place() -> None:
    """A parked call makes room for another, and comes back though its place was given away."""
    places = Places(1)
    first = places.take()
    first.leave()
    second = places.take()
    first.come_back()
    second.give_back()
    with pytest.raises(Throttled):
        places.take()
    first.give_back()
    places.take()


@given(st.integers(1, 5), st.lists(st.tuples(st.sampled_from(["take", "read", "leave", "back", "end"]), st.integers())))
def test_there_are_never_more_calls_than_threads(most: int, moves: list[tuple[str, int]]) -> None:
    """Calls with a place and parked ones fit into `most_threads`, whatever they do; at the end, all is free."""
    places = Places(most)
    held: list[Place] = []
    for move, number in moves:
        if move in ("take", "read"):
            try:
                held.append(places.take(reads=move == "read"))
            except Throttled:
                continue
        elif held and move == "end":
            place = held.pop(number % len(held))
            place.come_back()
            place.give_back()
        elif held:
            place = held[number % len(held)]
            place.come_back()
            if move == "leave":
                place.leave()
        assert len(held) <= places.most_threads == most * (1 + PARKED_PER_PLACE)
    for place in held:
        place.come_back()
        place.give_back()
    for _ in range(most):
        places.take()


def test_the_end() -> None:
    """After `close` no place is given; it waits for the answers that are owed, and no longer than it may."""

    async def closing() -> None:
        places = Places(2)
        place = places.take()
        asyncio.get_running_loop().call_later(0.05, places.answered)
        await asyncio.wait_for(places.close(30), 5)
        with pytest.raises(Draining):
            places.take()
        place.give_back()

    asyncio.run(closing())


def test_threads_are_bounded() -> None:
    """With as many places as the settings allow, a gateway keeps within the tasks that a container may have."""
    most = max(number for number in range(1, 5_000) if _is_allowed(number))
    assert Places(most).most_threads < 1_024
    places = Places(4_096)
    held = [places.take() for _ in range(600)]
    for place in held:
        place.leave()
    for _ in range(4_096 - (600 - MOST_PARKED)):
        places.take()
    with pytest.raises(Throttled):
        places.take()


def _is_allowed(number: int) -> bool:
    try:
        Limits(max_in_flight=number)
    except ValueError:
        return False
    return True
