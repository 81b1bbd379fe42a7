"""What is audited, when, and what becomes of calls whose audit cannot be written."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from emrgateway_server import record
from emrgateway_server.allowance import Allowance
from emrgateway_server.audit import lines
from emrgateway_server.audit.linefile import LineFile
from emrgateway_server.audit.sink import STUCK_SECONDS, Sink
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.errors import AuditUnavailable
from emrgateway_server.policy import Decision
from emrgateway_server.record import Record
from emrgateway_server.settings import Audit as AuditSettings
from emrgateway_server.shapes import Shape
from emrgateway_server.yamlfile import ConfigurationError, Problem

ORIGINALS = ".requests"
CLOSE_SECONDS = 2.0
# Endings of calls whose caller never became known, whatever ended them: so many at once, then so many a second. Whoever
# reaches a port makes them; a flood writes some 400 MB a day at most, and 40 GB else.
STRANGERS_BURST = 100
STRANGERS_PER_SECOND = 10.0

_log = logging.getLogger(__name__)


class Audit:
    """One gateway's audit. Thread-safe."""

    def __init__(self, settings: AuditSettings) -> None:
        """`ConfigurationError` where its file cannot be opened."""
        self._must_hold = settings.on_error == "fail"
        self._keeps_originals = settings.requests == "full"
        is_durable = settings.fsync != "never"
        try:
            file = LineFile(settings.path, is_durable=is_durable)
            originals = (
                LineFile(settings.path + ORIGINALS, is_secret=True, is_durable=is_durable)
                if self._keeps_originals
                else None
            )
        except OSError as error:
            message = f"audit.path: {settings.path} cannot be written: {error.strerror}"
            raise ConfigurationError([Problem("audit", 0, 0, message)]) from error
        self._sink = Sink(file, originals, settings.fsync)
        self._strangers = Allowance(STRANGERS_BURST, STRANGERS_PER_SECOND)

    @property
    def lost(self) -> int:
        """Lines that were never written."""
        return self._sink.lost

    @property
    def kept_back(self) -> int:
        """Endings of unknown callers that were counted and not written."""
        return self._strangers.kept_back

    @property
    def is_failing(self) -> bool:
        """Whether lines cannot be written now."""
        return self._sink.is_stuck

    def check(self) -> None:
        """`AuditUnavailable` where a call could not be audited and so must not be served."""
        if self._must_hold and self._sink.is_stuck:
            raise _unavailable()

    def judged(self, caller: Caller, request: Mapping[str, object], decision: Decision, call: Call) -> None:
        """Write down a judgement before anything comes of it: what was sent to AWS is never without its line.

        `AuditUnavailable` where it cannot be written in time and the configuration says to fail.
        """
        current = record.current() or Record("")
        line = lines.judgement(current, caller, request, decision)
        self._write(line, call, lines.original(current, request) if self._keeps_originals else None)

    def granted(
        self, caller: Caller, request: Mapping[str, object], shape: Shape, policy_digest: str, call: Call
    ) -> None:
        """Write down that a grant covers a request, before AWS hears of it; raises as `judged` does."""
        self._write(lines.grant(record.current() or Record(""), caller, request, shape, policy_digest), call)

    def ended(self, ended: Record, code: str, requested_by: str, *, starts: bool) -> None:
        """Write down how a call was answered; of unknown callers' calls, what they are allowed. Never waits.

        It is the event loop's.
        """
        if ended.caller_id or self._strangers.take():
            kept_back = self._strangers.tell()
            self._sink.put(lines.ending(ended, code, requested_by, starts=starts, kept_back=kept_back))

    def reopen(self) -> None:
        """Go on in new files: the old ones were moved away."""
        self._sink.reopen()

    def close(self) -> None:
        """Write the last lines, for a moment."""
        if untold := self._strangers.tell():
            _log.warning("the audit kept back %d endings of unknown callers since its last line", untold)
        self._sink.close(CLOSE_SECONDS)

    def _write(self, line: bytes, call: Call, original: bytes | None = None) -> None:
        written = threading.Event()
        is_stuck = self._sink.is_stuck
        is_kept = self._sink.put(line, original, written)
        if is_kept and not (is_stuck and not self._must_hold):
            is_kept = written.wait(min(STUCK_SECONDS, max(0.0, call.remaining_seconds)))
        if self._must_hold and not is_kept:
            raise _unavailable()


def _unavailable() -> AuditUnavailable:
    return AuditUnavailable("the gateway's audit cannot be written, and nothing is done without it: retry later")
