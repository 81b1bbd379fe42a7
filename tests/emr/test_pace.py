"""The pace: never above the rate, gives way to throttles, comes back; against any history and a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emrgateway_server.emr.pace import LEAST, REACTION_SECONDS, RECOVERY_SECONDS, WINDOW_SECONDS, Pace

_STEPS = st.lists(
    st.tuples(
        st.floats(0, 5), st.sampled_from(["take", "take", "take", "accepted", "throttled", "give_back", "nothing"])
    ),
    max_size=60,
)


@given(st.floats(0.1, 500), st.floats(0.5, 100), _STEPS)
def test_any_history(per_second: float, burst: float, steps: list[tuple[float, str]]) -> None:
    """In no stretch of time more turns than burst and rate allow; the rate stays within its bounds."""
    pace, now = Pace(per_second, burst, 0.0), 0.0
    taken: list[float] = []
    for passed, step in steps:
        now += passed
        if step == "take" and pace.take(now):
            taken.append(now)
        elif step == "give_back" and taken:
            taken.pop()
            pace.give_back()
        elif step in ("accepted", "throttled"):
            getattr(pace, step)(now)
        assert per_second * LEAST <= pace.rate(now) <= per_second
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            allowed = max(1.0, burst) + per_second * (taken[last] - start)
            assert last - first + 1 <= allowed + 1e-6


@given(st.floats(0.1, 500), st.floats(1, 100), _STEPS, st.integers(1, 20))
def test_the_wait_that_is_told_is_enough(
    per_second: float, burst: float, steps: list[tuple[float, str]], count: int
) -> None:
    """After `seconds_to` so many turns, so many can be taken (up to the burst), and waiting is never told for free."""
    pace, now = Pace(per_second, burst, 0.0), 0.0
    for passed, step in steps:
        now += passed
        if step == "take":
            pace.take(now)
        elif step in ("accepted", "throttled"):
            getattr(pace, step)(now)
    seconds = pace.seconds_to(1, now)
    assert pace.take(now) is (seconds == 0)
    for _ in range(count):
        now += pace.seconds_to(1, now) + 1e-6
        assert pace.take(now)


def test_throttles_that_come_together_are_one() -> None:
    """A burst of answers from one overload cuts the rate once; the next second's cuts it again."""
    pace = Pace(100, 1, 0.0)
    for _ in range(20):
        pace.throttled(10.0)
    assert pace.rate(10.0) == 50
    pace.throttled(10.0 + REACTION_SECONDS)
    assert pace.rate(10.0 + REACTION_SECONDS) == pytest.approx((50 + 100 / RECOVERY_SECONDS) / 2)


def test_one_stray_throttle_costs_a_tenth() -> None:
    """The cut starts from what AWS accepts: at full use, a single throttle leaves nine tenths of it."""
    pace = Pace(50, 1, 0.0)
    for tick in range(round(50 * WINDOW_SECONDS)):
        pace.accepted(8.0 + tick / 50)
    pace.throttled(8.0 + WINDOW_SECONDS - 0.01)
    assert pace.rate(8.0 + WINDOW_SECONDS - 0.01) == pytest.approx(45, rel=0.03)


def test_it_comes_back() -> None:
    """Without throttles the configured rate is there again within a minute, turn by turn, and not at once."""
    pace = Pace(10, 1, 0.0)
    for second in range(10):
        pace.throttled(float(second))
    assert pace.rate(9.0) < 2
    rates = [pace.rate(9.0 + second) for second in range(61)]
    assert rates == sorted(rates)
    assert rates[5] < 5
    assert rates[60] == 10


@pytest.mark.parametrize(("configured", "real"), [(200.0, 50.0), (50.0, 50.0), (10.0, 1.0), (10.0, 100.0)])
def test_it_finds_the_limit_that_there_is(configured: float, real: float) -> None:
    """Against a limit it does not know, nine tenths of it (or of the rate) get through, few tries being throttled."""
    pace, upstream, now = Pace(configured, 20, 0.0), Pace(real, max(real, 5), 0.0), 0.0
    accepted = throttled = 0
    while now < 120:
        now += pace.seconds_to(1, now) + 1e-6
        assert pace.take(now)
        if upstream.take(now):
            pace.accepted(now)
            accepted += now > 20
        else:
            pace.throttled(now)
            throttled += now > 20
    assert accepted >= 0.9 * 100 * min(configured, real)
    assert throttled <= 0.35 * accepted
