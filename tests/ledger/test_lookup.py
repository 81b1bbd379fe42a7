"""The look-up of a run without a row: what it asks AWS for, how much, and when it stops."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway_server.emr import lookup
from emrgateway_server.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOW = 1_800_000_000.0


class _Application:
    """So many runs, the newest first; the one at `place` is the one that is looked for, and `gone` are no more."""

    def __init__(self, count: int, place: int | None, gone: int = 0) -> None:
        self.count = count
        self.place = place
        self.gone = gone
        self.listed: list[Mapping[str, object]] = []
        self.got = 0

    def list_runs(self, request: Mapping[str, object]) -> dict[str, Any]:
        """One page."""
        self.listed.append(dict(request))
        begin = int(str(request.get("nextToken", 0)))
        end = min(begin + lookup.PAGE, self.count)
        page = {"jobRuns": [{"id": str(number)} for number in range(begin, end)]}
        return page if end == self.count else {**page, "nextToken": str(end)}

    def get_run(self, request: Mapping[str, object]) -> dict[str, Any]:
        """One run."""
        self.got += 1
        number = int(str(request["jobRunId"]))
        if number < self.gone:
            raise NotFound("gone", resource_type="job run", resource=str(number))
        token = "mine" if number == self.place else "other"
        tags = {"emr-gateway:submission": token, "emr-gateway:intent": "i"} if number % 2 == 0 else {}
        return {"jobRun": {"arn": f"arn-{number}", "tags": tags}}

    def find(self, *, steps: int = 10_000) -> lookup.Found | None:
        """Look for it while there is time for so many steps."""
        left = iter(range(steps))
        return lookup.find(
            application_id="00a",
            token="mine",  # noqa: S106 - an idempotency token, no password
            since=_NOW,
            list_runs=self.list_runs,
            get_run=self.get_run,
            has_time=lambda: next(left, None) is not None,
        )


def test_it_is_found_on_a_later_page() -> None:
    """The reply is as StartJobRun's, with the intent that was stamped; each page goes on where the last one ended.

    No mode is asked for: today's policy may make another one of the request than the one that the run was started in.
    """
    application = _Application(count=180, place=120)
    found = application.find()
    assert found == lookup.Found({"applicationId": "00a", "jobRunId": "120", "arn": "arn-120"}, "i")
    assert [request.get("nextToken") for request in application.listed] == [None, "50", "100"]
    since = dt.datetime.fromtimestamp(_NOW, tz=dt.UTC) - dt.timedelta(minutes=5)
    assert all(
        (request["createdAtAfter"], request["applicationId"], "mode" in request) == (since, "00a", False)
        for request in application.listed
    )


def test_at_most_two_hundred_are_looked_at() -> None:
    """The 201st is not asked for, and it is told that there is one."""
    application = _Application(count=1_000, place=200)
    with pytest.raises(lookup.Unfinished) as caught:
        application.find()
    assert not caught.value.for_time
    assert application.got == 200
    assert _Application(count=200, place=None).find() is None
    assert _Application(count=1_000, place=198).find() is not None


def test_it_stops_when_time_is_up() -> None:
    """No question to AWS that the caller would not wait for; and nobody is told that there is no such run."""
    for steps in (0, 1, 20, 51):
        application = _Application(count=1_000, place=198)
        with pytest.raises(lookup.Unfinished) as caught:
            application.find(steps=steps)
        assert caught.value.for_time
        assert application.got <= steps


def test_runs_that_are_gone_are_passed_over() -> None:
    """A run that is listed and not there is not ours; nor is one without tags; an empty list has none."""
    assert _Application(count=10, place=6, gone=4).find() is not None
    assert _Application(count=10, place=None).find() is None
    assert _Application(count=0, place=None).find() is None
