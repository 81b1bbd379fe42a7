"""A job run's states, by the clock."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox

ORDER = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]


def test_states_progress(sandbox: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """A run goes through its states in order, ends in SUCCESS when its time is over, and says what it used."""
    emr = client(sandbox)
    started = emr.start_job_run(**job)["jobRunId"]
    began = time.monotonic()
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["state"] != "SUCCESS":
        seen.append(emr.get_job_run(applicationId=job["applicationId"], jobRunId=started)["jobRun"])
        assert time.monotonic() - began < 10
    assert time.monotonic() - began > 0.15
    states = [run["state"] for run in seen]
    assert states == sorted(states, key=ORDER.index)
    assert all(("startedAt" in run) == (run["state"] in {"RUNNING", "SUCCESS"}) for run in seen)
    assert all(("endedAt" in run) == (run["state"] == "SUCCESS") for run in seen)
    end = seen[-1]
    assert end["createdAt"] < end["startedAt"] < end["endedAt"] == end["updatedAt"]
    assert end["totalExecutionDurationSeconds"] == 1
    assert end["totalResourceUtilization"]["vCPUHour"] == pytest.approx(4 / 3600, abs=0.001)
    assert end["billedResourceUtilization"] == {"vCPUHour": 0.067, "memoryGBHour": 0.267, "storageGBHour": 0.0}


def test_no_time_at_all(client: Callable[..., Any], job: dict[str, Any]) -> None:
    """With 0 seconds a state every run has succeeded as soon as it is looked at."""
    with Sandbox(seconds_per_state=0) as sandbox:
        emr = client(sandbox)
        started = emr.start_job_run(**job)["jobRunId"]
        assert emr.get_job_run(applicationId=job["applicationId"], jobRunId=started)["jobRun"]["state"] == "SUCCESS"


def test_cancel(
    client: Callable[..., Any],
    job: dict[str, Any],
    wait_for: Callable[[Any, str, str, str], None],
) -> None:
    """A cancelled run is CANCELLING, then CANCELLED; cancelling it again meanwhile is no error and changes nothing."""
    with Sandbox(seconds_per_state=0.3) as sandbox:
        emr = client(sandbox)
        run = {"applicationId": job["applicationId"], "jobRunId": emr.start_job_run(**job)["jobRunId"]}
        assert emr.cancel_job_run(**run, shutdownGracePeriodInSeconds=15)["jobRunId"] == run["jobRunId"]
        first = emr.get_job_run(**run)["jobRun"]
        emr.cancel_job_run(**run)
        second = emr.get_job_run(**run)["jobRun"]
        assert first["state"] == second["state"] == "CANCELLING"
        assert first["updatedAt"] == second["updatedAt"]
        wait_for(emr, run["applicationId"], run["jobRunId"], "CANCELLED")
        end = emr.get_job_run(**run)["jobRun"]
        assert (end["totalExecutionDurationSeconds"], end["billedResourceUtilization"]["vCPUHour"]) == (0, 0.0)


@pytest.mark.parametrize("end", ["SUCCESS", "CANCELLED"])
def test_a_run_that_has_ended_cannot_be_cancelled(
    sandbox: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    wait_for: Callable[[Any, str, str, str], None],
    end: str,
) -> None:
    """Cancelling an ended run is a ValidationException, and its state stays."""
    emr = client(sandbox)
    run = {"applicationId": job["applicationId"], "jobRunId": emr.start_job_run(**job)["jobRunId"]}
    if end == "CANCELLED":
        emr.cancel_job_run(**run)
    wait_for(emr, run["applicationId"], run["jobRunId"], end)
    with pytest.raises(emr.exceptions.ValidationException, match=f"not in a cancellable state: {end}"):
        emr.cancel_job_run(**run)
    assert emr.get_job_run(**run)["jobRun"]["state"] == end


@pytest.mark.parametrize("seconds", [14, 1801, -1])
def test_a_grace_out_of_bounds(still: Sandbox, client: Callable[..., Any], job: dict[str, Any], seconds: int) -> None:
    """CancelJobRun's grace is 0, or 15 to 1,800 seconds; out of bounds it cancels nothing."""
    emr = client(still)
    run = {"applicationId": job["applicationId"], "jobRunId": emr.start_job_run(**job)["jobRunId"]}
    with pytest.raises(emr.exceptions.ValidationException):
        emr.cancel_job_run(**run, shutdownGracePeriodInSeconds=seconds)
    assert emr.get_job_run(**run)["jobRun"]["state"] == "SUBMITTED"
