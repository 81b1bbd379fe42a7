"""clientToken, as AWS means it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox


def test_the_same_request_again_is_the_same_run(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any]
) -> None:
    """One token and one request give one job run, however often; the record counts the calls."""
    emr = client(still)
    answers = [emr.start_job_run(**job, clientToken="token-1") for _ in range(3)]
    assert len({answer["jobRunId"] for answer in answers}) == 1
    assert [record.start_calls for record in still.job_runs()] == [3]


def test_a_changed_request_is_a_conflict(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """The token with another request is refused, and the first run is what the token still means."""
    emr = client(still)
    first = emr.start_job_run(**job, clientToken="token-1")
    with pytest.raises(emr.exceptions.ConflictException):
        emr.start_job_run(**job, clientToken="token-1", name="other")
    assert emr.start_job_run(**job, clientToken="token-1")["jobRunId"] == first["jobRunId"]
    assert len(still.job_runs()) == 1


def test_a_changed_request_may_be_the_first_run(client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Told so, the sandbox gives the first run for a changed request, which AWS may do: it is not documented."""
    with Sandbox(on_changed_body="first-run") as sandbox:
        emr = client(sandbox)
        first = emr.start_job_run(**job, clientToken="token-1")
        assert emr.start_job_run(**job, clientToken="token-1", name="other")["jobRunId"] == first["jobRunId"]
        assert "name" not in sandbox.job_runs()[0].body


def test_a_token_is_an_applications_own(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """The same token in another application, region or account is another token."""
    other = client(still)
    other.meta.events.register(
        "before-sign.emr-serverless", lambda request, **_: request.headers.add_header("x-moto-account-id", "2" * 12)
    )
    answers = [
        client(still).start_job_run(**job, clientToken="t"),
        client(still).start_job_run(**{**job, "applicationId": "other"}, clientToken="t"),
        client(still, region="eu-west-1").start_job_run(**job, clientToken="t"),
        other.start_job_run(**job, clientToken="t"),
    ]
    assert len({answer["jobRunId"] for answer in answers}) == 4
    places = [(record.application_id, record.region, record.account) for record in still.job_runs()]
    assert places == [
        ("00f1qr8s3v6pd409", "us-east-1", "123456789012"),
        ("other", "us-east-1", "123456789012"),
        ("00f1qr8s3v6pd409", "eu-west-1", "123456789012"),
        ("00f1qr8s3v6pd409", "us-east-1", "222222222222"),
    ]


def test_a_refused_request_binds_no_token(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """After a ValidationException the token is free for the mended request."""
    emr = client(still)
    with pytest.raises(emr.exceptions.ValidationException):
        emr.start_job_run(**job, clientToken="t", executionTimeoutMinutes=1)
    emr.start_job_run(**job, clientToken="t", executionTimeoutMinutes=5)
    assert len(still.job_runs()) == 1


def test_equal_requests_at_once_are_one_run(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """200 calls with 10 tokens from 32 threads start 10 job runs."""
    emr = client(still)
    with ThreadPoolExecutor(32) as threads:
        answers = threads.map(lambda n: emr.start_job_run(**job, clientToken=f"t{n % 10}")["jobRunId"], range(200))
        assert len(set(answers)) == 10
    assert [record.start_calls for record in still.job_runs()] == [20] * 10
