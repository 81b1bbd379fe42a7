"""What a submission's row means, and how it goes from nothing by `sent` to `done`.

The row is written before the job may start and after its answer is known. Whatever happens in between leaves a `sent`
row, which says: it may have started. Who comes next waits for its sender, or, the lease being over, sends the same
upstream token again, which AWS answers with the run that it has.
"""

from __future__ import annotations

import dataclasses
import logging
import random
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from emrgateway_server import telemetry
from emrgateway_server.call import Call
from emrgateway_server.errors import ClientTokenReused, LedgerUnavailable, UpstreamUnknown
from emrgateway_server.ledger.rows import Ledger, LedgerDown, Row, State, Submission

LAST_WORDS_SECONDS = 0.05  # for an answer of ours to leave before the caller is told that its deadline nears
WRITERS = 32
MOST_WRITES = 1_024  # under way and waiting for a writer: more than a ledger that answers ever lets come together
CLOSE_SECONDS = 2.0  # for the last writes; who is not done by then leaves a lease that ends by itself
WRITER_NAME = "ledger"
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_TRIES = 5

_log = logging.getLogger(__name__)


def token_reused() -> ClientTokenReused:
    """The one answer to a token that comes again with another request."""
    return ClientTokenReused(
        "this client_token was used for another request: make a new token for a new submission, or send what was sent"
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Standing:
    """How a submission stands before this call does anything for it.

    `row` is what is remembered: `done`, or `sent` by someone whose lease is over. `is_blind` says that nothing can be
    remembered: the ledger is down, and the configuration says to go on.
    """

    row: Row | None = None
    is_blind: bool = False

    @property
    def reply(self) -> bytes | None:
        """The reply that was given, if one was."""
        return self.row.reply if self.row is not None and self.row.state is State.DONE else None

    @property
    def may_have_started(self) -> bool:
        """Whether an earlier call may have started a job that it had no answer for."""
        return self.row is not None and self.row.state is State.SENT


@dataclasses.dataclass(frozen=True, slots=True)
class Claim:
    """The right to send one submission until the row's lease is over; `finish` or `fail` ends it.

    No row where the ledger is down. `is_first` says that nobody has sent this submission before.
    """

    row: Row | None = None
    is_first: bool = True


class Submissions:
    """The way of submissions through a ledger. Blocking and thread-safe."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        ttl_seconds: float,
        token_seconds: float,
        goes_on: bool,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`token_seconds` is how long AWS is trusted to know a token; `goes_on` what to do without a ledger."""
        self._ledger = ledger
        self._ttl_seconds = ttl_seconds
        self._token_seconds = token_seconds
        self._goes_on = goes_on
        self._clock = clock
        self._sleep = sleep
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix=WRITER_NAME)
        self._room = threading.BoundedSemaphore(MOST_WRITES)

    def recall(self, submission: Submission, call: Call) -> Standing:
        """How a submission stands. Waits, within the call's time, for another replica that is at work on it.

        `ClientTokenReused` where the token is another request's; `UpstreamUnknown` where the wait was in vain;
        `LedgerUnavailable` where there is no ledger and the configuration says to fail.
        """
        pause = _FIRST_PAUSE_SECONDS
        inherited = call.is_suspected
        while True:
            try:
                row = self._ledger.find(submission.token)
            except LedgerDown as error:
                return self._without(error)
            call.is_suspected = inherited or (row is not None and row.state is State.SENT)
            if row is None:
                return Standing()
            if row.intent != submission.intent:
                call.is_suspected = inherited
                raise token_reused()
            wait = row.lease_until - self._clock()
            if row.state is State.DONE or wait <= 0:
                return Standing(row)
            patience = call.remaining_seconds - LAST_WORDS_SECONDS
            if patience <= 0:
                raise UpstreamUnknown(
                    "another replica is at work on this submission: retry with the same client_token", is_of_clock=True
                )
            # Jitter: many that wait for one must not ask at one moment.
            with call.parked():
                self._sleep(min(pause * random.uniform(0.5, 1), wait, patience))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def is_past_resending(self, standing: Standing) -> bool:
        """Whether AWS may have forgotten the token: sent again, it could start a second job."""
        row = standing.row
        return row is not None and self._clock() - row.sent_at >= self._token_seconds

    @property
    def ttl_seconds(self) -> float:
        """How long a submission is remembered."""
        return self._ttl_seconds

    def claim(self, submission: Submission, standing: Standing, call: Call) -> Claim | None:
        """Note that the job may start from now on; None where another replica was faster: recall again."""
        if standing.is_blind:
            return Claim()
        now = self._clock()
        row = Row(
            token=submission.token,
            intent=submission.intent,
            state=State.SENT,
            sent_at=standing.row.sent_at if standing.row else now,
            lease_until=now + max(0.0, call.remaining_seconds),
            expires_at=standing.row.expires_at if standing.row else now + self._ttl_seconds,
            version=_version(),
        )
        claim = Claim(row, is_first=standing.row is None)
        try:
            return claim if self._ledger.write(row, over=standing.row) else None
        except LedgerDown as error:
            # It may have been written, and whoever comes next would wait for a lease that nobody works at.
            self._write_later(lambda: self._given_up(claim, may_have_started=False), patience=0)
            self._without(error)
            return Claim()

    def finish(self, claim: Claim, reply: bytes, call: Call) -> bytes:
        """Note the reply; the reply to give, which is another one where another replica's was noted first.

        A ledger that fails now costs the record, never the reply: AWS knows the token, should it be sent again.
        """
        row = claim.row
        return reply if row is None else self._within(call, lambda: self._done(row, reply), patient=True) or reply

    def fail(self, claim: Claim, call: Call, *, may_have_started: bool) -> None:
        """Note a failure. What certainly started nothing leaves no trace: the token is free again.

        Where too much waits to be written, it is left out: the row's lease ends by itself.
        """
        self._within(call, lambda: self._given_up(claim, may_have_started=may_have_started), patient=False)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Finish what is being written, within so many seconds."""
        ending = threading.Thread(target=self._writers.shutdown, name="end of the ledger", daemon=True)
        ending.start()
        ending.join(seconds)
        self._writers.shutdown(wait=False, cancel_futures=True)
        self._ledger.close()

    def _without(self, error: LedgerDown) -> Standing:
        _log.warning("the ledger is down: %s", error)
        telemetry.count_lookup("unavailable")
        if self._goes_on:
            return Standing(is_blind=True)
        raise LedgerUnavailable(
            "the gateway's record of submissions cannot be reached: nothing was sent: retry with the same client_token"
        ) from error

    def _within(self, call: Call, work: Callable[[], bytes | None], *, patient: bool) -> bytes | None:
        """Write, but wait no longer than until the answer must leave: it matters more than its record.

        The `patient` wait for room among the writes as well.
        """
        ends = time.monotonic() + call.remaining_seconds - LAST_WORDS_SECONDS
        writing = self._write_later(work, patience=max(0.0, ends - time.monotonic()) if patient else 0)
        try:
            return writing.result(max(0.0, ends - time.monotonic())) if writing else None
        except TimeoutError:
            return None

    def _write_later(self, work: Callable[[], bytes | None], *, patience: float) -> Future[bytes | None] | None:
        """Hand a write to the writers; None where there is no room for it in time, or the server is at its end."""
        if not self._room.acquire(timeout=patience):
            _log.warning("the ledger is slow: what became of a submission is not noted")
            return None
        try:
            writing = self._writers.submit(_logged, work)
        except RuntimeError:
            self._room.release()
            return None
        writing.add_done_callback(lambda _: self._room.release())
        return writing

    def _done(self, row: Row, reply: bytes) -> bytes | None:
        done = dataclasses.replace(
            row,
            state=State.DONE,
            reply=reply,
            lease_until=0.0,
            expires_at=self._clock() + self._ttl_seconds,
            version=_version(),
        )
        over: Row | None = row
        for _ in range(_TRIES):
            if self._ledger.write(done, over=over):
                break
            over = self._ledger.find(row.token)
            if over is not None and (over.state is State.DONE or over.intent != row.intent):
                return over.reply if over.intent == row.intent else None
        return reply

    def _given_up(self, claim: Claim, *, may_have_started: bool) -> None:
        """Free the token, or end the lease: whoever comes next need not wait for it."""
        if claim.row is None:
            return
        if claim.is_first and not may_have_started:
            self._ledger.remove(claim.row)
        else:
            self._ledger.write(dataclasses.replace(claim.row, lease_until=0.0, version=_version()), over=claim.row)


def _logged(work: Callable[[], bytes | None]) -> bytes | None:
    try:
        return work()
    except LedgerDown as error:
        _log.warning("the ledger is down, and what became of a submission is not noted: %s", error)
        return None


def _version() -> str:
    return secrets.token_hex(8)
