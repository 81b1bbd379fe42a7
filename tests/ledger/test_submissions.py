"""The way of submissions: whatever replicas, clocks and losses do, one is one job run and has one reply."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from emrgateway_server.call import Call
from emrgateway_server.errors import ClientTokenReused, LedgerUnavailable, UpstreamUnknown
from emrgateway_server.ledger import LedgerDown, MemoryLedger, Standing, State, Submission, Submissions
from emrgateway_server.ledger import submissions as module

from .keepers import DAY, START, Clock, dynamo, memory, row, table, try_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_server.ledger import Claim, Ledger, Row

MARGIN_SECONDS = 20.0  # wide, for the slowest machine
_HOUR = 3_600.0
_TOKEN_HOURS = 8
_REPLICAS = st.integers(0, 2)
_ASKED = st.builds(Submission, st.sampled_from(["t1", "t2"]), st.sampled_from(["i1", "i2"]))


@dataclass
class _Aws:
    """Honours a token for eight hours, as the gateway trusts it to; then the same token is a new job."""

    clock: Clock
    runs: dict[str, list[tuple[float, str]]] = field(default_factory=dict)

    def start(self, submission: Submission) -> str:
        """The job run of a token."""
        runs = self.runs.setdefault(submission.token, [])
        if not runs or self.clock.now - runs[0][0] >= _TOKEN_HOURS * _HOUR:
            runs.append((self.clock.now, f"{submission.token}-{submission.intent}-{len(runs)}"))
        return runs[0][1]


def _submissions(ledger: Ledger, clock: Clock, *, goes_on: bool = False) -> Submissions:
    return Submissions(
        ledger, ttl_seconds=DAY, token_seconds=_TOKEN_HOURS * _HOUR, goes_on=goes_on, clock=clock, sleep=lambda _: None
    )


class _Replicas(RuleBasedStateMachine):
    """Three replicas on one ledger, one AWS; calls stop at any point, and hours pass."""

    def __init__(self, made: Callable[[Clock], Ledger]) -> None:
        super().__init__()
        self.made = made

    @initialize()
    def begin(self) -> None:
        """Nothing was submitted."""
        self.clock = Clock()
        self.aws = _Aws(self.clock)
        self.ledger = self.made(self.clock)
        self.replicas = [_submissions(self.ledger, self.clock) for _ in range(3)]
        self.open: list[tuple[Submissions, Submission, Standing, Claim, Call]] = []
        self.given: dict[Submission, tuple[float, set[bytes]]] = {}

    def teardown(self) -> None:
        """End the writers' threads."""
        for replica in getattr(self, "replicas", ()):
            replica.close()

    def _give(self, submission: Submission, reply: bytes) -> None:
        self.given.setdefault(submission, (self.clock.now, set()))[1].add(reply)

    @rule(number=_REPLICAS, submission=_ASKED)
    def begin_call(self, number: int, submission: Submission) -> None:
        """A call recalls, and claims where nothing stands in its way."""
        replica, call = self.replicas[number], Call(30)
        try:
            standing = replica.recall(submission, Call(0))
        except (ClientTokenReused, UpstreamUnknown):
            return
        if standing.reply is not None:
            self._give(submission, standing.reply)
            return
        if replica.is_past_resending(standing):
            return
        claim = replica.claim(submission, standing, call)
        if claim is not None:
            self.open.append((replica, submission, standing, claim, call))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), end=st.sampled_from(["reply", "reply lost", "killed before", "killed after", "not started"]))
    def end_call(self, data: st.DataObject, end: str) -> None:
        """A claim's call reaches AWS or not, and its answer the ledger and the caller or not."""
        replica, submission, _, claim, call = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        sends = end in ("reply", "reply lost", "killed after")
        # A sender gives up at its deadline, when its lease is over: later it sends nothing.
        if sends and claim.row is not None and claim.row.lease_until <= self.clock.now:
            return
        run = self.aws.start(submission).encode() if sends else b""
        if end == "reply":
            self._give(submission, replica.finish(claim, run, call))
        elif end == "reply lost":
            replica.fail(claim, call, may_have_started=True)
        elif end == "not started":
            replica.fail(claim, call, may_have_started=False)

    @rule(seconds=st.sampled_from([1.0, 29.0, 31.0, _HOUR, 5 * _HOUR]))
    def turn(self, seconds: float) -> None:
        """Time passes, but no more than the ledger promises anything for."""
        if self.clock.now + seconds < START + DAY:
            self.clock.now += seconds

    @invariant()
    def one_token_is_one_run(self) -> None:
        """No token has two runs."""
        if hasattr(self, "aws"):
            assert all(len(runs) == 1 for runs in self.aws.runs.values())

    @invariant()
    def one_submission_is_one_reply(self) -> None:
        """All calls of one submission got one reply, and it names a run that was started for it."""
        if not hasattr(self, "aws"):
            return
        for submission, (_, replies) in self.given.items():
            assert replies == {f"{submission.token}-{submission.intent}-0".encode()}


def test_replicas_with_rows_in_memory() -> None:
    """Any order of calls, ends and hours."""
    try_out(lambda: _Replicas(memory), settings(max_examples=80, stateful_step_count=25))


def test_replicas_with_rows_in_dynamodb(dynamodb: str) -> None:
    """The same, the rows being in a table."""

    def made(clock: Clock) -> Ledger:
        return dynamo(dynamodb, table(dynamodb), clock)

    try_out(lambda: _Replicas(made), settings(max_examples=6, stateful_step_count=12))


_SUBMISSION = Submission("t", "i")


class _Down:
    """A ledger that fails at what it is told to."""

    def __init__(self, *broken: str, clock: Clock | None = None) -> None:
        self.kept = MemoryLedger(100, clock=clock or Clock())
        self.broken = set(broken)
        self.held = threading.Event()

    def _use(self, name: str) -> None:
        if name in self.broken:
            raise LedgerDown(name)

    def find(self, token: str) -> Row | None:
        """As told."""
        self._use("find")
        return self.kept.find(token)

    def write(self, entry: Row, *, over: Row | None) -> bool:
        """As told; `hang` does it when released, `lost` does it and says that it failed."""
        self._use(entry.state)
        if f"hang {entry.state}" in self.broken:
            self.held.wait(2 * MARGIN_SECONDS)
        done = self.kept.write(entry, over=over)
        self._use(f"lost {entry.state}")
        return done

    def remove(self, entry: Row) -> None:
        """As told."""
        self._use("remove")
        self.kept.remove(entry)

    def close(self) -> None:
        """Nothing."""


@pytest.mark.parametrize("broken", ["find", "sent", "lost sent"])
def test_without_a_ledger_nothing_is_sent_where_it_must_be_there(broken: str) -> None:
    """`on_error: fail`: LEDGER_UNAVAILABLE from recall or claim, and no lease is left that nobody works at."""
    ledger = _Down(broken)
    submissions = _submissions(ledger, Clock())

    def submit() -> None:
        submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, Call(5)), Call(5))

    with pytest.raises(LedgerUnavailable, match="nothing was sent"):
        submit()
    submissions.close()
    ledger.broken.clear()
    assert ledger.find("t") is None


@pytest.mark.parametrize("broken", ["find", "sent", "lost sent"])
def test_without_a_ledger_one_goes_on_where_told_to(broken: str) -> None:
    """`on_error: continue`: the claim holds no row, and neither end of it touches the ledger again."""
    ledger = _Down(broken)
    submissions = _submissions(ledger, Clock(), goes_on=True)
    call = Call(5)
    claim = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    assert claim is not None
    assert claim.row is None
    assert submissions.finish(claim, b"run", call) == b"run"
    submissions.fail(claim, call, may_have_started=True)
    submissions.close()
    ledger.broken.clear()
    assert ledger.find("t") is None


@pytest.mark.parametrize("broken", ["done", "hang done"])
def test_a_reply_is_not_lost_with_its_record(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS has answered: a ledger that fails, or hangs until the deadline nears, costs the caller nothing."""
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", MARGIN_SECONDS)
    clock = Clock()
    ledger = _Down(broken, clock=clock)
    submissions = _submissions(ledger, clock)
    call = Call(MARGIN_SECONDS + 0.2)
    claim = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    assert claim is not None
    assert submissions.finish(claim, b"run", call) == b"run"
    assert call.remaining_seconds > 0
    ledger.held.set()
    submissions.close()
    standing = ledger.find("t")
    assert standing is not None
    assert (standing.state, standing.reply) == ((State.SENT, b"") if broken == "done" else (State.DONE, b"run"))


def test_a_failure_that_certainly_started_nothing_frees_the_token() -> None:
    """The next call finds nothing; but a take-over's does not free it, since the first may have started a job."""
    clock = Clock()
    ledger = MemoryLedger(10, clock=clock)
    submissions = _submissions(ledger, clock)
    call = Call(30)
    first = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    assert first is not None
    submissions.fail(first, call, may_have_started=False)
    assert ledger.find("t") is None
    second = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    assert second is not None
    submissions.fail(second, call, may_have_started=True)
    standing = submissions.recall(_SUBMISSION, call)
    assert standing.may_have_started
    assert call.is_suspected
    third = submissions.claim(_SUBMISSION, standing, call)
    assert third is not None
    assert third.row is not None
    assert third.row.sent_at == START
    submissions.fail(third, call, may_have_started=False)
    assert submissions.recall(_SUBMISSION, call).may_have_started
    submissions.close()


def test_a_wait_for_another_replica_ends_with_its_reply() -> None:
    """A repeat that meets a running lease is answered as soon as the reply is noted."""
    clock = Clock()
    ledger = MemoryLedger(10, clock=clock)
    sent = row("t", "v1", lease=30)
    submissions = Submissions(
        ledger, ttl_seconds=DAY, token_seconds=DAY, goes_on=False, clock=clock, sleep=lambda _: done()
    )

    def done() -> None:
        ledger.write(row("t", "v2", state=State.DONE), over=sent)

    ledger.write(sent, over=None)
    assert submissions.recall(Submission("t", "intent"), Call(5)).reply == b"v2"
    submissions.close()


def test_a_wait_in_vain_says_that_a_job_may_have_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """UPSTREAM_UNKNOWN before the caller's deadline, and the call knows it."""
    monkeypatch.setattr(module, "LAST_WORDS_SECONDS", MARGIN_SECONDS)
    clock = Clock()
    ledger = MemoryLedger(10, clock=clock)
    submissions = Submissions(ledger, ttl_seconds=DAY, token_seconds=DAY, goes_on=False, clock=clock)
    ledger.write(row("t", "v1", lease=30), over=None)
    call = Call(MARGIN_SECONDS + 0.2)
    with pytest.raises(UpstreamUnknown, match="another replica"):
        submissions.recall(Submission("t", "intent"), call)
    assert call.is_suspected
    assert 0 < call.remaining_seconds < MARGIN_SECONDS
    submissions.close()


def test_the_first_reply_is_the_one_that_counts() -> None:
    """A sender that was taken over, and whose answer comes late, gives what the other noted."""
    clock = Clock()
    ledger = MemoryLedger(10, clock=clock)
    submissions = _submissions(ledger, clock)
    call = Call(30)
    slow = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    clock.now += 31
    quick = submissions.claim(_SUBMISSION, submissions.recall(_SUBMISSION, call), call)
    assert slow is not None
    assert quick is not None
    assert submissions.finish(quick, b"first", call) == b"first"
    assert submissions.finish(slow, b"second", call) == b"first"
    submissions.close()


def test_writes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ledger hanging and no room: a failure is left to its lease at once, a reply waits within its call."""
    monkeypatch.setattr(module, "MOST_WRITES", 1)
    clock = Clock()
    ledger = _Down("hang done", clock=clock)
    submissions = _submissions(ledger, clock)
    claims = []
    for token in ("held", "failed", "late", "done"):
        claim = submissions.claim(Submission(token, "i"), Standing(), Call(30))
        assert claim is not None
        claims.append(claim)
    held, failed, late, done = claims
    assert submissions.finish(held, b"run", Call(0.2)) == b"run"
    began = time.monotonic()
    submissions.fail(failed, Call(30), may_have_started=False)
    assert time.monotonic() - began < 5
    assert submissions.finish(late, b"run", Call(0.2)) == b"run"
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(submissions.finish, done, b"run", Call(30))
        ledger.held.set()
        assert waiting.result() == b"run"
    submissions.close()
    states = {token: found.state for token in ("held", "failed", "late", "done") if (found := ledger.find(token))}
    assert states == {"held": State.DONE, "failed": State.SENT, "late": State.SENT, "done": State.DONE}


def test_a_ledger_that_hangs_does_not_hold_up_the_end() -> None:
    """`close` waits for what is being written no longer than it may, and what has not begun is left out."""
    clock = Clock()
    ledger = _Down("hang done", clock=clock)
    submissions = _submissions(ledger, clock)
    for number in range(module.WRITERS + 1):
        claim = submissions.claim(Submission(str(number), "i"), Standing(), Call(30))
        assert claim is not None
        submissions.finish(claim, b"run", Call(0))
    began = time.monotonic()
    submissions.close(0.3)
    assert 0.2 < time.monotonic() - began < 5
    ledger.held.set()
    last = ledger.find(str(module.WRITERS))
    assert last is not None
    assert last.state is State.SENT
