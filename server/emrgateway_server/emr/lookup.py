"""Finding the job run of a submission whose row is not there: by the tags that the gateway stamped on it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emrgateway_server.emr.submission import INTENT_TAG, SUBMISSION_TAG
from emrgateway_server.errors import NotFound

MOST_CANDIDATES = 200
PAGE = 50  # the most that AWS gives
SKEW_SECONDS = 300.0  # how far AWS's clock may be from ours; its signatures allow as much

_Call = Callable[[Mapping[str, object]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """A submission's job run, as a StartJobRun's reply has it, and what was asked for when it was started."""

    reply: Mapping[str, str]
    intent: str


class Unfinished(Exception):
    """Not every job run that may be the one was looked at: too many, or, where `for_time` says so, too little time."""

    def __init__(self, *, for_time: bool) -> None:
        super().__init__()
        self.for_time = for_time


def find(
    *,
    application_id: str,
    token: str,
    since: float,
    list_runs: _Call,
    get_run: _Call,
    has_time: Callable[[], bool],
) -> Found | None:
    """The job run stamped with an upstream token, among those since then (epoch seconds), the newest first.

    None where there is none; `Unfinished` where that is not known. A run's tags stand in GetJobRun's reply alone, so at
    most `MOST_CANDIDATES` are looked at, while there is time. In every mode: policy may have set another one then.
    """
    for number, job_run_id in enumerate(_listed(application_id, since, list_runs, has_time)):
        if number >= MOST_CANDIDATES:
            raise Unfinished(for_time=False)
        _check(has_time)
        try:
            run = get_run({"applicationId": application_id, "jobRunId": job_run_id})["jobRun"]
        except NotFound:
            continue
        tags = run.get("tags") or {}
        if tags.get(SUBMISSION_TAG) == token:
            reply = {"applicationId": application_id, "jobRunId": job_run_id, "arn": run.get("arn", "")}
            return Found(reply, tags.get(INTENT_TAG, ""))
    return None


def _listed(application_id: str, since: float, list_runs: _Call, has_time: Callable[[], bool]) -> Iterator[str]:
    after = dt.datetime.fromtimestamp(since - SKEW_SECONDS, tz=dt.UTC)
    request: dict[str, object] = {"applicationId": application_id, "createdAtAfter": after, "maxResults": PAGE}
    while True:
        _check(has_time)
        page = list_runs(request)
        yield from (run["id"] for run in page["jobRuns"] if run.get("id"))
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]


def _check(has_time: Callable[[], bool]) -> None:
    if not has_time():
        raise Unfinished(for_time=True)
