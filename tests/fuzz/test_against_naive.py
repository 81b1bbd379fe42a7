"""The engine and the naive evaluator agree, at length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.comparing import SUBMISSIONS, compared

from .conftest import setting

_SHARES = 8


@pytest.mark.parametrize("share", range(_SHARES))
def test_engine_agrees_with_the_naive_one(share: int, record_property: Callable[[str, object], None]) -> None:
    """`FUZZ_TRIPLES` of (policies, caller, request), told from those of `make test` by their seeds."""
    sets = -(-setting("FUZZ_TRIPLES", 100_000) // (_SHARES * SUBMISSIONS))
    seen, wrong = compared(1_000 * (setting("FUZZ_SEED", 0) + 1) + share, sets)
    record_property("triples", f"{seen.total()}: {dict(seen.most_common())}")
    assert not wrong, "\n".join(f"{difference}: {triple}" for difference, triple in wrong.items())
