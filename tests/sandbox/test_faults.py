"""Faults on demand: what each does to a StartJobRun, and whether the job run is there afterwards."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore import exceptions as aws

from emrgateway_sandbox import FAULTS, Fault, Sandbox

# Fault: what boto3 makes of it (an exception, an error's code and status, None for a reply without a job run id).
_SEEN: dict[str, Any] = {
    "access-denied": ("AccessDeniedException", 403),
    "credentials-expired": ("ExpiredTokenException", 403),
    "drip": None,  # boto3 takes it for a success
    "error-after": ("InternalServerException", 500),
    "error-before": ("InternalServerException", 500),
    "garbage": None,  # boto3 takes it for a success
    "hang-after": aws.ConnectionClosedError,
    "hang-before": aws.ConnectionClosedError,
    "no-id": None,
    "quota": ("ServiceQuotaExceededException", 402),
    "reset-after": aws.ConnectionClosedError,
    "reset-before": aws.ConnectionClosedError,
    "slow": "a reply",
    "throttled": ("ThrottlingException", 429),
    "truncated": None,  # boto3 takes it for a success
    "unavailable-after": (None, 503),
    "unavailable-before": (None, 503),
}
_STARTS = {
    "drip",
    "error-after",
    "garbage",
    "hang-after",
    "no-id",
    "reset-after",
    "slow",
    "truncated",
    "unavailable-after",
}


def test_every_fault_is_told_of_here() -> None:
    """The table is whole."""
    assert set(FAULTS) == set(_SEEN)


@pytest.mark.parametrize("fault", FAULTS)
def test_one_call_meets_it(fault: str, still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """The call fails as the fault has it, the run is there or not, and the same call again succeeds."""
    emr, wanted = client(still), _SEEN[fault]
    still.play(Fault(fault, seconds=0.2))
    begun = time.monotonic()
    if wanted in (None, "a reply"):
        assert ("jobRunId" in emr.start_job_run(**job, clientToken="t")) is (wanted == "a reply")
    elif isinstance(wanted, tuple):
        with pytest.raises(aws.ClientError) as answered:
            emr.start_job_run(**job, clientToken="t")
        assert answered.value.response["ResponseMetadata"]["HTTPStatusCode"] == wanted[1]
        assert wanted[0] in (None, answered.value.response["Error"]["Code"])
    else:
        with pytest.raises(wanted):
            emr.start_job_run(**job, clientToken="t")
    if fault in {"drip", "hang-after", "hang-before", "slow"}:
        assert time.monotonic() - begun >= 0.2
    assert len(still.job_runs()) == (fault in _STARTS)
    assert emr.start_job_run(**job, clientToken="t")["jobRunId"] == still.job_runs()[0].job_run_id
    assert still.faults_played == {fault: 1}


def test_a_fault_is_for_whom_it_is_meant(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """By operation, application and number of times; cleared, it is over."""
    emr = client(still)
    still.play(Fault("throttled", application_id="00other", times=None))
    still.play(Fault("throttled", operation="ListJobRuns", times=2))
    run = emr.start_job_run(**job)["jobRunId"]
    for _ in range(2):
        with pytest.raises(aws.ClientError, match="Rate exceeded"):
            emr.list_job_runs(applicationId=job["applicationId"])
    assert [entry["id"] for entry in emr.list_job_runs(applicationId=job["applicationId"])["jobRuns"]] == [run]
    for _ in range(3):
        with pytest.raises(aws.ClientError, match="Rate exceeded"):
            emr.start_job_run(**{**job, "applicationId": "00other"})
    still.clear_faults()
    assert emr.start_job_run(**{**job, "applicationId": "00other"})["jobRunId"]


def _asked(method: str, url: str, content: Any = None) -> tuple[int, Any]:  # noqa: ANN401 - any JSON
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(f"{url}/_sandbox/faults", data, method=method)  # noqa: S310 - the sandbox's own
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - as above
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_same_over_http(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """POST plays one, GET lists those there are and those that were played, DELETE ends them."""
    assert _asked("GET", still.url) == (200, {"faults": list(FAULTS), "played": {}})
    assert _asked("POST", still.url, {"fault": "quota", "times": None})[0] == 200
    with pytest.raises(aws.ClientError, match="quota"):
        client(still).start_job_run(**job)
    assert _asked("DELETE", still.url) == (200, {"faults": list(FAULTS), "played": {"quota": 1}})
    assert client(still).start_job_run(**job)["jobRunId"]


@pytest.mark.parametrize(
    "content",
    [
        {"fault": "fire"},
        {"fault": "slow", "operation": "StopJobRun"},
        {"fault": "slow", "share": 2},
        {"fault": "slow", "share": "half"},
        {"fault": "slow", "times": 0},
        {"fault": "slow", "seconds": -1},
        {"fault": "slow", "second": 1},
        {},
        [],
    ],
)
def test_a_fault_that_is_none_is_refused(content: Any, still: Sandbox) -> None:  # noqa: ANN401 - any JSON
    """400 says what is wrong, and nothing is played."""
    status, told = _asked("POST", still.url, content)
    assert status == 400
    assert told["message"]
    assert _asked("GET", still.url)[1]["played"] == {}
