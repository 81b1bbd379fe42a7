"""States on demand: a script of states for one run, over HTTP and in process; and the count of calls."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox, Step

from .test_introspection import read


def _start(emr: Any, job: dict[str, Any]) -> dict[str, str]:  # noqa: ANN401 - boto3's clients have no type
    return {"applicationId": job["applicationId"], "jobRunId": emr.start_job_run(**job)["jobRunId"]}


def _post(sandbox: Sandbox, asked: object) -> Any:  # noqa: ANN401 - any JSON
    data = json.dumps(asked).encode()
    request = urllib.request.Request(f"{sandbox.url}/_sandbox/job-runs", data, method="POST")  # noqa: S310 - the sandbox's
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
        return json.load(reply)


def test_a_run_comes_into_the_state_it_is_driven_to(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any]
) -> None:
    """At once, with the details given, and it stays; a state to come is one as well, and others' runs stay theirs."""
    emr = client(still)
    run, other = _start(emr, job), _start(emr, job)
    for state in ("RUNNING", "HIBERNATING", "FAILED"):
        still.drive(run["jobRunId"], Step(state, details=f"{state}!"))
        told = emr.get_job_run(**run)["jobRun"]
        assert (told["state"], told["stateDetails"], told["attempt"]) == (state, f"{state}!", 1)
        listed = {
            each["id"]: each["state"] for each in emr.list_job_runs(applicationId=job["applicationId"])["jobRuns"]
        }
        assert listed == {run["jobRunId"]: state, other["jobRunId"]: "SUBMITTED"}
    assert "startedAt" in told
    assert told["endedAt"] == told["updatedAt"]
    assert emr.get_job_run(**other)["jobRun"]["state"] == "SUBMITTED"


def test_a_script_over_http(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any], wait_for: Callable[[Any, str, str, str], None]
) -> None:
    """Each state lasts as long as it says; the time in QUEUED and what was used are told at the end."""
    emr = client(still)
    run = _start(emr, job)
    states = [{"state": "QUEUED", "seconds": 0.2}, {"state": "RUNNING", "seconds": 0.2}, {"state": "SUCCESS"}]
    (record,) = _post(still, {"jobRunId": run["jobRunId"], "states": states})["job_runs"]
    assert (record["job_run_id"], record["state"]) == (run["jobRunId"], "QUEUED")
    wait_for(emr, run["applicationId"], run["jobRunId"], "SUCCESS")
    end = emr.get_job_run(**run)["jobRun"]
    assert end["queuedDurationMilliseconds"] == 200
    assert (end["endedAt"] - end["startedAt"]).total_seconds() == pytest.approx(0.2, abs=0.01)
    assert end["billedResourceUtilization"]["vCPUHour"] > 0


def test_attempts(
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    replies: Callable[[Any], list[tuple[str, int, Any]]],
    violations: Callable[[str, Any], list[str]],
) -> None:
    """A second attempt fails the first; each is told by its number, and they come in pages."""
    emr = client(still)
    run = _start(emr, job)
    for number in (1, 2, 3):
        still.drive(run["jobRunId"], Step("RUNNING", attempt=number))
    raw = replies(emr)
    assert emr.get_job_run(**run)["jobRun"]["attempt"] == 3
    first = emr.get_job_run(**run, attempt=1)["jobRun"]
    assert (first["attempt"], first["state"]) == (1, "FAILED")
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.get_job_run(**run, attempt=4)
    page = emr.list_job_run_attempts(**run, maxResults=2)
    rest = emr.list_job_run_attempts(**run, maxResults=2, nextToken=page["nextToken"])
    told = [(each["attempt"], each["state"]) for each in page["jobRunAttempts"] + rest["jobRunAttempts"]]
    assert told == [(1, "FAILED"), (2, "FAILED"), (3, "RUNNING")]
    assert "nextToken" not in rest
    for operation, status, content in raw:
        if status == 200:
            assert violations(f"{operation}Response", content) == []


def test_a_driven_run_can_be_cancelled(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Cancelling goes over the script: what it would have come to does not come."""
    emr = client(still)
    run = _start(emr, job)
    still.drive(run["jobRunId"], Step("RUNNING", 0.05), Step("SUCCESS"))
    emr.cancel_job_run(**run)
    assert emr.get_job_run(**run)["jobRun"]["state"] == "CANCELLING"
    still.drive(run["jobRunId"], "CANCELLED")
    assert emr.get_job_run(**run)["jobRun"]["state"] == "CANCELLED"


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([], "give one at least"),
        ([{"state": ""}], "state: give a word"),
        ([{"state": "RUNNING", "seconds": -1}], "seconds: -1"),
        ([{"state": "RUNNING", "attempt": 0}], "attempt: 0"),
        ([{"state": "RUNNING", "speed": 1}], "speed"),
        (None, "jobRunId and states"),
    ],
)
def test_a_script_that_is_none(
    states: object, said: str, still: Sandbox, client: Callable[..., Any], job: dict[str, Any]
) -> None:
    """400 with what is wrong, and nothing is changed; so for a run that is not there."""
    emr = client(still)
    run = _start(emr, job)
    with pytest.raises(urllib.error.HTTPError) as caught:
        _post(still, {"jobRunId": run["jobRunId"], "states": states})
    with caught.value as refused:
        assert (refused.code, said in json.load(refused)["message"]) == (400, True)
    assert emr.get_job_run(**run)["jobRun"]["state"] == "SUBMITTED"
    with pytest.raises(ValueError, match="no job run 00nosuch"):
        still.drive("00nosuch", "RUNNING")


def test_calls_are_counted(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Each call by its operation, refused ones as well; over HTTP too."""
    emr = client(still)
    run = _start(emr, job)
    emr.get_job_run(**run)
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.get_job_run(applicationId=job["applicationId"], jobRunId="00nosuch")
    assert still.calls == {"StartJobRun": 1, "GetJobRun": 2}
    assert read(f"{still.url}/_sandbox/calls") == {"calls": still.calls}
