"""What the sandbox tells of the job runs that it holds."""

import json
import urllib.request
from collections.abc import Callable
from typing import Any

from emrgateway_sandbox import Sandbox


def read(url: str) -> Any:  # noqa: ANN401 - any JSON
    """Read a page of JSON."""
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - the sandbox's own address
        return json.load(reply)


def test_what_each_run_was_started_with(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """A record has the body as sent, nulls and all, and the trace's header, but never the signature or the token."""
    emr = client(still, region="eu-west-1", credentials=("AKIAIOSFODNN7EXAMPLE", "secret", "session-token"))
    emr.meta.events.register("before-sign.emr-serverless", _add_traceparent)
    started = emr.start_job_run(**job, clientToken="t", tags={"team": "a"})
    (record,) = still.job_runs()
    sent = {name: value for name, value in job.items() if name != "applicationId"}
    assert record.body == {**sent, "clientToken": "t", "tags": {"team": "a"}}
    assert (record.application_id, record.job_run_id) == (job["applicationId"], started["jobRunId"])
    assert (record.region, record.account, record.state) == ("eu-west-1", "123456789012", "SUBMITTED")
    assert record.headers["traceparent"] == "00-1-2-01"
    assert "Boto3" in record.headers["user-agent"]
    assert not {"authorization", "x-amz-security-token"} & record.headers.keys()


def _add_traceparent(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore has no types
    request.headers.add_header("traceparent", "00-1-2-01")


def test_the_same_over_http(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """GET /_sandbox/job-runs gives the records as JSON; a run's dashboard is the page of that run."""
    assert read(f"{still.url}/_sandbox/job-runs") == {"job_runs": []}
    emr = client(still)
    runs = [emr.start_job_run(**job)["jobRunId"] for _ in range(2)]
    records = read(f"{still.url}/_sandbox/job-runs")["job_runs"]
    assert [record["job_run_id"] for record in records] == runs
    assert records[0]["body"]["jobDriver"] == job["jobDriver"]
    dashboard = emr.get_dashboard_for_job_run(applicationId=job["applicationId"], jobRunId=runs[1])["url"]
    assert [record["job_run_id"] for record in read(dashboard)["job_runs"]] == runs[1:]


def test_a_record_is_a_copy(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Changing a record changes nothing in the sandbox."""
    client(still).start_job_run(**job)
    still.job_runs()[0].body.clear()
    assert still.job_runs()[0].body["jobDriver"] == job["jobDriver"]
