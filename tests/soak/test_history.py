"""The checker finds what it is there for: a history broken in each way, beside one that is whole."""

from __future__ import annotations

import pytest

from .history import Run, Told, violations

_TOLD = [
    Told("a", "ann", outcome="unknown"),
    Told("a", "ann", "1"),
    Told("a", "ann", "1"),
    Told("b", "bob", outcome="not_started"),
    Told("b", "bob", "2"),
]
_RUNS = [Run("1", "a", "ann"), Run("2", "b", "bob")]


def test_a_whole_history() -> None:
    """Failures on the way, and replies that repeat, are no harm."""
    assert violations(["a", "b"], _TOLD, _RUNS) == []


@pytest.mark.parametrize(
    ("told", "runs", "wanted"),
    [
        (_TOLD, [*_RUNS, Run("3", "a", "ann")], ["doubled: a has 2 runs"]),
        (_TOLD[:4], _RUNS[:1], ["lost: b has no run", "unanswered: b has no reply"]),
        (_TOLD[:4], _RUNS, ["unanswered: b has no reply"]),
        (_TOLD, _RUNS[:1], ["invented: b was told of 2, which is not there", "lost: b has no run"]),
        (
            [*_TOLD, Told("b", "bob", "1")],
            _RUNS,
            ["crossed: b of bob was told of a of ann", "wavering: b was told 2 runs"],
        ),
        (
            _TOLD,
            [Run("1", "a", "bob"), _RUNS[1]],
            ["crossed: a of ann was told of a of bob"] * 2,
        ),
        (_TOLD, [*_RUNS, Run("3", "c", "ann")], ["unasked: nobody submitted c"]),
    ],
)
def test_a_broken_history(told: list[Told], runs: list[Run], wanted: list[str]) -> None:
    """Each way of breaking it is told by its name."""
    assert violations(["a", "b"], told, runs) == wanted
