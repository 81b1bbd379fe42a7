"""One look at an application's runs: as few calls to AWS as answer for those that are due. Blocking.

A list tells of fifty runs that go on; what is on no page of it has ended, is in a state that is newer than AWS's model
here, or is gone, and is asked for by itself. An end is believed from GetJobRun alone, which has the figures too. Where
fewer runs are due than a list has pages, each is asked for instead.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry import context, trace

from emrgateway_server.call import Call
from emrgateway_server.errors import (
    DeadlineNears,
    GatewayError,
    NotFound,
    Throttled,
    UpstreamAccessDenied,
    UpstreamUnknown,
    UpstreamUnreachable,
)
from emrgateway_server.watching import sighting
from emrgateway_server.watching.sighting import Sighting

PAGE = 50  # the most that AWS gives
MOST_PAGES = 200  # AWS runs no more than 1,000 jobs of an application at once, and lets others queue
MOST_GETS = 50  # in one look; the others are still due
CALL_SECONDS = 20.0
GETS_UNTIL_A_LIST = 10  # looks that ask run by run, before it is found out again how long the list is
MOST_ODD = 3
CALLER = "(watch)"  # whose turns these are; no caller's id has brackets
MARGIN = dt.timedelta(seconds=1)  # whether AWS's bounds are in or out is not documented

_OF_ALL_RUNS = (Throttled, UpstreamUnreachable, UpstreamAccessDenied, DeadlineNears)
_PASSING = (Throttled, UpstreamUnreachable, UpstreamUnknown, DeadlineNears)


class Aws(Protocol):
    """The way to an account."""

    def send(self, operation: str, request: dict[str, object], *, call: Call, caller: str) -> dict[str, Any]:
        """AWS's reply."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that is due, and when it was created, where that is known."""

    job_run_id: str
    created_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """How many calls a look took, and what ended it early."""

    calls: int
    error: GatewayError | None = None


class Looks:
    """The looks at one application, one at a time; what they find is told as it is found."""

    def __init__(
        self,
        aws: Aws,
        application_id: str,
        tell: Callable[[Sequence[Sighting]], object],
        tell_missing: Callable[[str], object],
    ) -> None:
        self._aws = aws
        self._application_id = application_id
        self._tell = tell
        self._tell_missing = tell_missing
        self._pages = 1.0
        self._gets_in_a_row = 0
        self._calls = 0
        self._lock = threading.Lock()
        self._call: Call | None = None
        self._stopped = False

    def look(self, due: Sequence[Wanted]) -> Looked:
        """Ask AWS for the runs that are due, the most urgent first."""
        self._calls = 0
        try:
            with _untraced():
                self._ask_each(due if self._is_cheaper_by_gets(len(due)) else self._not_listed(due))
        except GatewayError as error:
            return Looked(self._calls, error)
        return Looked(self._calls)

    def stop(self) -> None:
        """Ask no more: nobody waits for it."""
        with self._lock:
            self._stopped = True
            if self._call is not None:
                self._call.abandon()

    def _is_cheaper_by_gets(self, count: int) -> bool:
        is_cheaper = count <= self._pages and (count <= 1 or self._gets_in_a_row < GETS_UNTIL_A_LIST)
        self._gets_in_a_row = self._gets_in_a_row + 1 if is_cheaper else 0
        return is_cheaper

    def _not_listed(self, due: Sequence[Wanted]) -> list[Wanted]:
        """Those of the due that are on no page. Pages are asked for until all are found."""
        missing = {wanted.job_run_id for wanted in due}
        request = self._list_request(due)
        pages = 0
        while missing and pages < MOST_PAGES:
            try:
                page = self._send("ListJobRuns", request)
            except GatewayError as error:
                if isinstance(error, _PASSING):
                    raise
                self._pages, pages = math.inf, 0  # AWS lists nothing for us, and may tell of each run all the same
                break
            pages += 1
            found = [each for each in map(sighting.of_summary, _dicts(page["jobRuns"])) if each]
            going = [each for each in found if not each.seen.is_end]
            self._tell(going)
            missing -= {each.job_run_id for each in going}
            if not page.get("nextToken"):
                break
            request["nextToken"] = page["nextToken"]
        if pages:
            self._pages = pages
        return [wanted for wanted in due if wanted.job_run_id in missing]

    def _list_request(self, due: Sequence[Wanted]) -> dict[str, object]:
        request: dict[str, object] = {"applicationId": self._application_id, "maxResults": PAGE}
        if sighting.GOING:
            request["states"] = list(sighting.GOING)
        created = [wanted.created_at for wanted in due if wanted.created_at is not None]
        if len(created) == len(due):
            request |= {"createdAtAfter": min(created) - MARGIN, "createdAtBefore": max(created) + MARGIN}
        return request

    def _ask_each(self, due: Sequence[Wanted]) -> None:
        """Ask for each run by itself. What AWS says oddly of one must not keep it from telling of the others."""
        odd: list[GatewayError] = []
        for wanted in due[:MOST_GETS]:
            try:
                self._ask(wanted.job_run_id)
            except NotFound:
                self._tell_missing(wanted.job_run_id)
            except _OF_ALL_RUNS:
                raise
            except GatewayError as error:
                odd.append(error)
                if len(odd) >= MOST_ODD:
                    break
        if odd:
            raise odd[-1]

    def _ask(self, job_run_id: str) -> None:
        reply = self._send("GetJobRun", {"applicationId": self._application_id, "jobRunId": job_run_id})
        found = sighting.of_job_run(reply["jobRun"])
        if found is None or found.job_run_id != job_run_id:
            raise UpstreamUnknown("AWS answered with another run, or without its state: retry")
        self._tell([found])

    def _send(self, operation: str, request: dict[str, object]) -> dict[str, Any]:
        with self._lock:
            call = self._call = Call(CALL_SECONDS)
            if self._stopped:
                call.abandon()
        self._calls += 1
        return self._aws.send(operation, request, call=call, caller=CALLER)


def _dicts(values: list[Any]) -> Iterator[dict[str, Any]]:
    return (value for value in values if isinstance(value, dict))


@contextmanager
def _untraced() -> Iterator[None]:
    """No trace is begun in here: a look belongs to no call, and one a second would bury those that do."""
    unsampled = trace.SpanContext(trace_id=1, span_id=1, is_remote=False, trace_flags=trace.TraceFlags(0))
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(unsampled)))
    try:
        yield
    finally:
        context.detach(token)
