"""Both keepers of rows against one model: what a write does, whom it refuses, and what has expired."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emrgateway_server.ledger import LedgerDown, MemoryLedger, State

from .keepers import DAY, START, Clock, dynamo, memory, row, table, try_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_server.ledger import Ledger, Row

_TOKENS = st.sampled_from(["a", "b", "c"])
_versions = itertools.count()


class _Rows(RuleBasedStateMachine):
    """Writes, removals and a clock that turns, beside a dictionary that says what must come of them."""

    def __init__(self, made: Callable[[Clock], Ledger]) -> None:
        super().__init__()
        self.made = made

    @initialize()
    def begin(self) -> None:
        """An empty keeper."""
        self.clock = Clock()
        self.ledger = self.made(self.clock)
        self.model: dict[str, Row] = {}
        self.past: list[Row] = []

    def _standing(self, token: str) -> Row | None:
        standing = self.model.get(token)
        return None if standing is None or standing.expires_at <= self.clock.now else standing

    @rule(token=_TOKENS, state=st.sampled_from(State), seconds=st.integers(1, 100), stale=st.booleans(), data=st.data())
    def write(self, token: str, state: State, seconds: int, stale: bool, data: st.DataObject) -> None:  # noqa: FBT001 - hypothesis'
        """A write over what stands succeeds, over anything else it does not."""
        standing = self._standing(token)
        older: list[Row | None] = [None, *(entry for entry in self.past if entry.token == token)]
        over = data.draw(st.sampled_from(older)) if stale else standing
        new = row(token, f"v{next(_versions)}", state=state, lease=3, expires=self.clock.now - START + seconds)
        wins = (over and over.version) == (standing and standing.version)
        assert self.ledger.write(new, over=over) is wins
        if wins:
            self.model[token] = new
            self.past.append(new)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """A row that was written over is not removed by its old writer."""
        gone = data.draw(st.sampled_from(self.past))
        self.ledger.remove(gone)
        if (standing := self.model.get(gone.token)) and standing.version == gone.version:
            del self.model[gone.token]

    @rule(seconds=st.integers(1, 60))
    def turn(self, seconds: int) -> None:
        """Time passes."""
        self.clock.now += seconds

    @invariant()
    def what_is_found_is_what_stands(self) -> None:
        """Every member of the last row written, until it expires."""
        if hasattr(self, "ledger"):
            for token in ("a", "b", "c"):
                assert self.ledger.find(token) == self._standing(token)


def test_rows_in_memory() -> None:
    """The keeper in memory does as the model does."""
    try_out(lambda: _Rows(memory), settings(max_examples=100, stateful_step_count=30))


def test_rows_in_dynamodb(dynamodb: str) -> None:
    """The table does as the model does; moto judges the conditions."""

    def made(clock: Clock) -> Ledger:
        return dynamo(dynamodb, table(dynamodb), clock)

    try_out(lambda: _Rows(made), settings(max_examples=8, stateful_step_count=12))


def test_what_expired_is_as_none_though_it_is_there(dynamodb: str) -> None:
    """DynamoDB's own expiry comes days late: a row past its time is neither found nor in the way."""
    clock = Clock()
    ledger = dynamo(dynamodb, table(dynamodb), clock)
    assert ledger.write(row("a", "v1", expires=10), over=None)
    assert not ledger.write(row("a", "v2"), over=None)
    clock.now += 11
    assert ledger.find("a") is None
    assert ledger.write(row("a", "v3"), over=None)
    found = ledger.find("a")
    assert found is not None
    assert found.version == "v3"


def test_the_oldest_make_room() -> None:
    """Of finished and lapsed rows the one that was written longest ago goes first."""
    clock = Clock()
    ledger = MemoryLedger(2, clock=clock)
    for name in ("a", "b", "c"):
        assert ledger.write(row(name, name, state=State.DONE), over=None)
    assert len(ledger) == 2
    assert [ledger.find(name) is not None for name in ("a", "b", "c")] == [False, True, True]


def test_a_submission_in_flight_is_never_forgotten_for_want_of_room() -> None:
    """A live lease keeps its row; where all are live, the ledger is down, and one that lapses makes room."""
    clock = Clock()
    ledger = MemoryLedger(2, clock=clock)
    assert ledger.write(row("a", "a", lease=30), over=None)
    assert ledger.write(row("b", "b", lease=60), over=None)
    with pytest.raises(LedgerDown, match="all 2 entries are submissions in flight"):
        ledger.write(row("c", "c"), over=None)
    clock.now += 31
    assert ledger.write(row("c", "c", lease=90), over=None)
    assert [ledger.find(name) is not None for name in ("a", "b", "c")] == [False, True, True]


def test_rows_live_for_their_time() -> None:
    """Just before its end a row is there, at its end it is not."""
    clock = Clock()
    ledger = MemoryLedger(2, clock=clock)
    ledger.write(row("a", "a", state=State.DONE, expires=DAY), over=None)
    clock.now = START + DAY - 1
    assert ledger.find("a")
    clock.now = START + DAY
    assert ledger.find("a") is None
