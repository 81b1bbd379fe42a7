"""What is news to whom, and how often it is looked for."""

from __future__ import annotations

import pytest

from emrgateway_server.shapes import request_shape
from emrgateway_server.watching import Seen, pace
from emrgateway_server.watching.seen import ENDS
from emrgateway_server.watching.sighting import GOING

_NEWS = [
    ("the first", None, Seen("RUNNING"), True),
    ("the same", Seen("RUNNING", 1, 5), Seen("RUNNING", 1, 5), False),
    ("a later time alone", Seen("RUNNING", 1, 5), Seen("RUNNING", 1, 6), False),
    ("another state", Seen("PENDING", 1, 5), Seen("RUNNING", 1, 6), True),
    ("another state at the same time", Seen("PENDING", 1, 5), Seen("RUNNING", 1, 5), True),
    ("a state of before", Seen("RUNNING", 1, 5), Seen("PENDING", 1, 4), False),
    ("a state without a time", Seen("RUNNING", 1, 5), Seen("PENDING", 1, 0), True),
    ("another attempt", Seen("RUNNING", 1, 5), Seen("RUNNING", 2, 6), True),
    ("an attempt that is not told", Seen("RUNNING", 1, 5), Seen("RUNNING", 0, 6), False),
    ("an end", Seen("RUNNING", 1, 5), Seen("FAILED", 1, 6), True),
    ("an end by a clock that is behind", Seen("RUNNING", 1, 5), Seen("FAILED", 1, 4), True),
    ("an end that was seen", Seen("FAILED", 1, 5), Seen("FAILED", 1, 5), True),
    ("a state of before the end", Seen("FAILED", 1, 5), Seen("RUNNING", 1, 6), False),
    ("a state to come", Seen("RUNNING", 1, 5), Seen("HIBERNATED", 1, 6), True),
]


@pytest.mark.parametrize(("before", "now", "is_news"), [row[1:] for row in _NEWS], ids=[row[0] for row in _NEWS])
def test_news(before: Seen | None, now: Seen, is_news: bool) -> None:  # noqa: FBT001 - a table's column
    """A change of state or attempt that is not of before, and an end always."""
    assert now.is_news_after(before) is is_news


def test_what_goes_on_is_listed() -> None:
    """The list is asked for every state of AWS's model that is no end, within what its filter takes."""
    states = request_shape("ListJobRuns").members["states"]
    assert states.element is not None
    assert set(GOING) == states.element.enum - ENDS
    assert 0 < len(GOING) <= (states.maximum or 0)


def test_pace() -> None:
    """A change is looked for within a twentieth of the time it took: once in 1 to 32 seconds."""
    assert [pace.step(seconds) for seconds in (0, 10, 40, 100, 400, 86_400)] == [1, 1, 2, 4, 16, 32]
    for now in (0.0, 7.3, 1_000.5):
        for unchanged in (0.0, 50.0, 500.0, 5_000.0):
            step = pace.step(unchanged)
            assert 0 < pace.due(now, unchanged, 0.25) - now <= step
            assert (pace.due(now, unchanged, 0.25) - 0.25) % step == pytest.approx(0)


def test_rest() -> None:
    """Four calls a second at most, a rest as long as the look was, and ever longer ones after failures."""
    assert pace.rest(4, 0.01) == 1.0
    assert pace.rest(60, 0.01) == 2.0
    assert pace.rest(1, 9.0) == 9.0
    assert [pace.back_off(count) for count in (1, 2, 3, 50)] == [2, 4, 8, pace.LONGEST_BACK_OFF_SECONDS]
