"""ListJobRuns' filters and pages."""

import base64
import binascii
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ._errors import validation
from ._job_runs import JobRun

_PAGE: Final = 50  # the most that the model allows; what AWS gives unasked is not documented


class _Position(NamedTuple):
    """Where a run stands in a listing: its state's place in the filter, then the newest first."""

    group: int
    age: int


def page(newest_first: Iterable[JobRun], query: Mapping[str, Any]) -> tuple[list[JobRun], str | None]:
    """Cut the page that ListJobRuns' input asks for; with it the token of the next page, None at the end.

    A token says after which run to go on, so a run that starts between two pages moves nothing. With several states
    in the filter the result is grouped by state, as AWS documents.
    """
    after = _parse_token(query["nextToken"]) if "nextToken" in query else None
    states: Sequence[str] = query.get("states", ())
    listed = _positions((run for run in newest_first if _matches(run, query)), states)
    # Sorted already, unless there are groups: then a page looks at no more runs than it shows.
    ordered = sorted(listed, key=lambda entry: entry[0]) if len(states) > 1 else listed
    rest = ((position, run) for position, run in ordered if after is None or position > after)
    size = query.get("maxResults", _PAGE)
    shown = list(itertools.islice(rest, size + 1))
    token = _token(shown[size - 1][0]) if len(shown) > size else None
    return [run for _, run in shown[:size]], token


def page_of_attempts(
    attempts: Sequence[Mapping[str, Any]], query: Mapping[str, Any]
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Cut the page that ListJobRunAttempts' input asks for; with it the token of the next page, None at the end."""
    start = _parse_token(query["nextToken"]).age if "nextToken" in query else 0
    end = start + query.get("maxResults", _PAGE)
    return attempts[start:end], _token(_Position(0, end)) if end < len(attempts) else None


def _positions(newest_first: Iterable[JobRun], states: Sequence[str]) -> Iterator[tuple[_Position, JobRun]]:
    for run in newest_first:
        state = run.progress.state
        if not states or state in states:
            yield _Position(states.index(state) if states else 0, -run.number), run


def _matches(run: JobRun, query: Mapping[str, Any]) -> bool:
    if "mode" in query and run.job.get("mode", "BATCH") != query["mode"]:
        return False
    if "createdAtAfter" in query and run.created_at < query["createdAtAfter"].timestamp():
        return False
    return "createdAtBefore" not in query or run.created_at <= query["createdAtBefore"].timestamp()


def _token(position: _Position) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


def _parse_token(token: str) -> _Position:
    try:
        group, age = json.loads(base64.urlsafe_b64decode(token))
        return _Position(int(group), int(age))
    except (ValueError, TypeError, binascii.Error):
        raise validation("nextToken is not one that ListJobRuns gave") from None
