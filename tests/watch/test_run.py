"""A run that AWS does not know for a moment, or for good."""

from __future__ import annotations

from emrgateway_server.watching.run import GONE_SECONDS, GONE_TIMES, Run
from emrgateway_server.watching.seen import Seen
from emrgateway_server.watching.sighting import Sighting

_SEEN = Sighting("r", Seen("RUNNING"), None, {"jobRunId": "r", "state": "RUNNING"})


def test_gone_for_good() -> None:
    """Not before it was missed for long, and often."""
    run = Run("a", "r", 0.0)
    assert not run.miss(0.0)
    assert not run.miss(2 * GONE_SECONDS), "twice is not often"
    run = Run("a", "r", 0.0)
    assert not any(run.miss(number * 0.1) for number in range(2 * GONE_TIMES)), "a second is not long"
    assert run.miss(GONE_SECONDS)


def test_gone_for_a_moment() -> None:
    """What was seen again begins anew."""
    run = Run("a", "r", 0.0)
    for number in range(GONE_TIMES):
        run.miss(float(number))
    run.see(_SEEN, GONE_SECONDS - 1)
    assert not run.miss(GONE_SECONDS)


def test_looked_for_again() -> None:
    """A run that was missed or seen is due again; one that has ended never is."""
    run = Run("a", "r", 5.0)
    assert run.due == 5.0
    run.miss(5.0)
    assert 5 < run.due <= 6
    run.see(_SEEN, 6.0)
    assert 6 < run.due <= 7
    run.see(Sighting("r", Seen("FAILED"), None, {"jobRunId": "r", "state": "FAILED"}), 7.0)
    assert run.due == float("inf")
