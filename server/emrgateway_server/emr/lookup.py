"""Finding the job run of a submission whose row is not there: by the tags that the gateway stamped on it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from emrgateway_server.emr.submission import INTENT_TAG, SUBMISSION_TAG
from emrgateway_server.errors import Conflict, NotFound

MOST_CANDIDATES = 200
PAGE = 50  # the most that AWS gives
SKEW_SECONDS = 300.0  # how far AWS's clock may be from ours; its signatures allow as much

# What AWS says of a used token is documented nowhere. An answer that speaks of the application's state alone is about
# that; any other is looked into.
_OF_TOKENS = re.compile(r"token|idempot", re.IGNORECASE)
_OF_STATE = re.compile(r"\bstate\b|\bstatus\b|start(ing|ed)|stopp(ing|ed)|terminat|delet|creat", re.IGNORECASE)

_Call = Callable[[Mapping[str, object]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """A submission's job run, as a StartJobRun's reply has it, and what was asked for when it was started."""

    reply: Mapping[str, str]
    intent: str


def find(
    *,
    application_id: str,
    mode: str | None,
    token: str,
    since: float,
    list_runs: _Call,
    get_run: _Call,
    has_time: Callable[[], bool],
) -> Found | None:
    """The job run stamped with an upstream token, among those since then (epoch seconds), the newest first; or None.

    A run's tags stand in GetJobRun's reply alone, so at most `MOST_CANDIDATES` are looked at, while there is time.
    """
    for number, job_run_id in enumerate(_listed(application_id, mode, since, list_runs, has_time)):
        if number >= MOST_CANDIDATES or not has_time():
            return None
        try:
            run = get_run({"applicationId": application_id, "jobRunId": job_run_id})["jobRun"]
        except NotFound:
            continue
        tags = run.get("tags") or {}
        if tags.get(SUBMISSION_TAG) == token:
            reply = {"applicationId": application_id, "jobRunId": job_run_id, "arn": run.get("arn", "")}
            return Found(reply, tags.get(INTENT_TAG, ""))
    return None


def _listed(
    application_id: str, mode: str | None, since: float, list_runs: _Call, has_time: Callable[[], bool]
) -> Iterator[str]:
    after = dt.datetime.fromtimestamp(since - SKEW_SECONDS, tz=dt.UTC)
    request: dict[str, object] = {"applicationId": application_id, "createdAtAfter": after, "maxResults": PAGE}
    if mode is not None:
        request["mode"] = mode
    while has_time():
        page = list_runs(request)
        yield from (run["id"] for run in page["jobRuns"])
        if not page.get("nextToken"):
            return
        request["nextToken"] = page["nextToken"]


def speaks_of_tokens(error: Conflict) -> bool:
    """Whether AWS refuses the token, by its words."""
    return _OF_TOKENS.search(_words(error)) is not None


def may_be_of_token(error: Conflict) -> bool:
    """Whether a conflict may be about the token, not about the application's state alone."""
    return speaks_of_tokens(error) or _OF_STATE.search(_words(error)) is None


def _words(error: Conflict) -> str:
    """AWS's own text, which no caller may see; nothing where it is not a ConflictException by name."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return ""
    said = cause.response.get("Error", {})
    # Whoever answers 409 by another name knows of no token: a proxy, a firewall.
    return str(said.get("Message", "")) if said.get("Code") == "ConflictException" else "state"
