"""The engine and the naive evaluator say the same of any policy, caller and request."""

from __future__ import annotations

import pytest

from .comparing import SUBMISSIONS, compared

# Of every kind of outcome at least so many of a hundred: else the words no longer meet.
_LEAST = {"allowed as it was": 8, "allowed changed": 3, "denied as it was": 20, "denied changed": 8}


@pytest.mark.parametrize("seed", range(4))
def test_engine_agrees_with_the_naive_one(seed: int) -> None:
    """The same rules deny, warn and are excepted, and the same request comes out: 800 triples a seed."""
    seen, wrong = compared(seed, 800 // SUBMISSIONS)
    assert not wrong, "\n".join(f"{difference}: {triple}" for difference, triple in wrong.items())
    for outcome, share in _LEAST.items():
        met = sum(count for kind, count in seen.items() if outcome in kind)
        assert met * 100 > share * seen.total(), seen
