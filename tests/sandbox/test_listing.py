"""ListJobRuns: order, filters, pages."""

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox


def test_pages_newest_first(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Pages hold every run once, the newest first, also while new runs start; the last page has no token."""
    emr = client(still)
    started = [emr.start_job_run(**job)["jobRunId"] for _ in range(7)]
    listed: list[str] = []
    token = None
    for _ in range(3):
        more: dict[str, str] = {} if token is None else {"nextToken": token}
        page = emr.list_job_runs(applicationId=job["applicationId"], maxResults=3, **more)
        listed += [run["id"] for run in page["jobRuns"]]
        token = page.get("nextToken")
        emr.start_job_run(**job)
    assert listed == started[::-1]
    assert token is None


def test_a_page_is_50(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Unasked, a page has 50 runs; boto3's own paginator finds them all."""
    emr = client(still)
    for _ in range(51):
        emr.start_job_run(**job)
    pages = list(emr.get_paginator("list_job_runs").paginate(applicationId=job["applicationId"]))
    assert [len(page["jobRuns"]) for page in pages] == [50, 1]


def test_filters(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """State, mode and time of creation each narrow the list."""
    emr = client(still)
    old = emr.start_job_run(**job)["jobRunId"]
    time.sleep(0.01)
    streaming = emr.start_job_run(**job, mode="STREAMING")["jobRunId"]
    emr.cancel_job_run(applicationId=job["applicationId"], jobRunId=old)
    between = emr.get_job_run(applicationId=job["applicationId"], jobRunId=streaming)["jobRun"]["createdAt"]
    between -= dt.timedelta(milliseconds=5)

    def ids(**filters: object) -> list[str]:
        return [run["id"] for run in emr.list_job_runs(applicationId=job["applicationId"], **filters)["jobRuns"]]

    assert ids() == [streaming, old]
    assert ids(states=["SUBMITTED"]) == [streaming]
    assert ids(states=["CANCELLING", "SUBMITTED"]) == [old, streaming]  # grouped by state, as AWS documents
    assert ids(states=["SUCCESS", "FAILED"]) == []
    assert ids(mode="STREAMING") == [streaming]
    assert ids(mode="BATCH") == [old]
    assert ids(createdAtAfter=between) == [streaming]
    assert ids(createdAtBefore=between) == [old]
    assert ids(createdAtAfter=between, mode="BATCH") == []


@pytest.mark.parametrize("application", ["00f1qr8s3v6pd409", "other"])
def test_a_list_is_one_applications(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any], application: str
) -> None:
    """A list holds one application's runs, and those of one region."""
    emr = client(still)
    started = emr.start_job_run(**{**job, "applicationId": application})["jobRunId"]
    emr.start_job_run(**{**job, "applicationId": "third"})
    assert [run["id"] for run in emr.list_job_runs(applicationId=application)["jobRuns"]] == [started]
    assert client(still, region="eu-west-1").list_job_runs(applicationId=application)["jobRuns"] == []
