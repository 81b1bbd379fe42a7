"""The sandbox's replies against botocore's own model."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emrgateway_sandbox import Sandbox, _job_runs

EVERYTHING: Mapping[str, Any] = {
    "name": "nightly",
    "tags": {"team": "data-eng", "cost-center": "CC-1234", "empty": ""},
    "executionTimeoutMinutes": 60,
    "mode": "BATCH",
    "retryPolicy": {"maxAttempts": 3},
    "flexExecution": {"enabled": True},
    "executionIamPolicy": {"policyArns": ["arn:aws:iam::123456789012:policy/narrow"]},
    "configurationOverrides": {
        "applicationConfiguration": [
            {"classification": "spark-defaults", "properties": {"spark.executor.memory": "4g"}},
            {"classification": "outer", "configurations": [{"classification": "inner", "properties": {}}]},
        ],
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs/data-eng/"}},
    },
}


def call_everything(emr: Any, application: str, job_run: str) -> None:  # noqa: ANN401 - boto3's clients have no type
    """Call each operation that reads a job run."""
    emr.get_job_run(applicationId=application, jobRunId=job_run)
    emr.list_job_runs(applicationId=application, maxResults=1)
    emr.list_job_run_attempts(applicationId=application, jobRunId=job_run)
    emr.get_dashboard_for_job_run(applicationId=application, jobRunId=job_run)


@pytest.mark.parametrize("more", [{}, EVERYTHING, {"mode": "STREAMING"}], ids=["least", "everything", "streaming"])
def test_every_reply_is_as_the_model_has_it(
    *,
    client: Callable[..., Any],
    job: dict[str, Any],
    replies: Callable[[Any], list[tuple[str, int, Any]]],
    model: Mapping[str, Any],
    violations: Callable[[str, Any], list[str]],
    more: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each operation's raw JSON, in every state of a run, has what the model demands and nothing else."""
    moment = time.time()
    monkeypatch.setattr(_job_runs, "now", lambda: moment)
    with Sandbox(seconds_per_state=10) as sandbox:
        emr = client(sandbox)
        seen = replies(emr)
        runs = [emr.start_job_run(**job, **more)["jobRunId"] for _ in range(2)]
        emr.cancel_job_run(applicationId=job["applicationId"], jobRunId=runs[1])
        for _ in range(5):
            moment += 9.999
            for run in runs:
                call_everything(emr, job["applicationId"], run)
    wrong = {
        problem
        for operation, status, content in seen
        for problem in violations(model["operations"][operation]["output"]["shape"], content)
        if status == 200
    }
    assert {status for _, status, _ in seen} == {200}
    assert not wrong
    states = {content["jobRun"]["state"] for operation, _, content in seen if operation == "GetJobRun"}
    assert states == {"SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS", "CANCELLING", "CANCELLED"}
    assert {operation for operation, _, _ in seen} == {
        "CancelJobRun",
        "GetDashboardForJobRun",
        "GetJobRun",
        "ListJobRunAttempts",
        "ListJobRuns",
        "StartJobRun",
    }


def test_what_was_asked_is_kept(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """GetJobRun gives back every member of StartJobRun that JobRun has, as sent; the role may be any account's."""
    emr = client(still)
    started = emr.start_job_run(**job, **EVERYTHING)
    kept = emr.get_job_run(applicationId=job["applicationId"], jobRunId=started["jobRunId"])["jobRun"]
    assert {name: kept[name] for name in EVERYTHING} == EVERYTHING
    assert kept["jobDriver"] == job["jobDriver"]
    assert kept["executionRole"] == job["executionRoleArn"]
    assert kept["arn"] == started["arn"]
    assert (kept["attempt"], kept["releaseLabel"], kept["queuedDurationMilliseconds"]) == (1, "emr-7.10.0", 0)


@pytest.mark.parametrize(("mode", "timeout"), [("BATCH", 720), ("STREAMING", None)])
def test_the_timeout_that_is_not_set(
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    mode: str,
    timeout: int | None,
) -> None:
    """A batch run's timeout is 720 minutes unless set; a streaming run has none."""
    emr = client(still)
    started = emr.start_job_run(**job, mode=mode)
    run = emr.get_job_run(applicationId=job["applicationId"], jobRunId=started["jobRunId"])["jobRun"]
    assert (run["mode"], run.get("executionTimeoutMinutes")) == (mode, timeout)


def test_times_have_milliseconds(
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    replies: Callable[[Any], list[tuple[str, int, Any]]],
) -> None:
    """Times are epoch seconds as JSON numbers, near now, with a fraction; ids are of AWS's alphabet."""
    emr = client(still)
    seen = replies(emr)
    runs = [emr.start_job_run(**job) for _ in range(20)]
    emr.list_job_runs(applicationId=job["applicationId"])
    times = [run["createdAt"] for run in seen[-1][2]["jobRuns"]]
    assert all(abs(moment - time.time()) < 60 and round(moment, 3) == moment for moment in times)
    assert any(moment != int(moment) for moment in times)
    assert all(re.fullmatch(r"00[0-9a-v]{14}", run["jobRunId"]) for run in runs)


def test_error_statuses_are_the_models(
    *,
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    replies: Callable[[Any], list[tuple[str, int, Any]]],
    model: Mapping[str, Any],
    violations: Callable[[str, Any], list[str]],
) -> None:
    """Each error has the status and the body of its shape, and boto3 makes that shape's exception of it."""
    emr = client(still)
    seen = replies(emr)
    calls: Mapping[str, Callable[[], object]] = {
        "ValidationException": lambda: emr.start_job_run(**job, clientToken="ä"),
        "ResourceNotFoundException": lambda: emr.get_job_run(applicationId="0", jobRunId="0"),
        "ConflictException": lambda: [emr.start_job_run(**job, name=name, clientToken="t") for name in "ab"],
    }
    for code, call in calls.items():
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"]["Code"] == code
        assert isinstance(raised.value, getattr(emr.exceptions, code))
        _, status, content = seen[-1]
        assert status == model["shapes"][code]["error"]["httpStatusCode"]
        assert not violations(code, content)
