"""What the sandbox refuses, as AWS would and botocore does not."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emrgateway_sandbox import Sandbox

SPARK = {"entryPoint": "s3://code/etl.py"}

REFUSED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "token too long": ({"clientToken": "x" * 65}, "at 'clientToken' failed"),
    "token of bad characters": ({"clientToken": "a/b"}, "at 'clientToken' failed"),
    "role missing": (
        {"executionRoleArn": None},
        "at 'executionRoleArn' failed to satisfy constraint: Member must not be null",
    ),
    "role malformed": ({"executionRoleArn": "arn:aws:iam::1:role/x-and-so-on"}, "'executionRoleArn'"),
    "role with a newline": ({"executionRoleArn": "arn:aws:iam::999999999999:role/x\n"}, "'executionRoleArn'"),
    "application malformed": ({"applicationId": "UPPER"}, "'applicationId'"),
    "no driver": ({"jobDriver": None}, "jobDriver must be set"),
    "empty driver": ({"jobDriver": {}}, "exactly one of sparkSubmit, hive"),
    "two drivers": ({"jobDriver": {"sparkSubmit": SPARK, "hive": {"query": "q"}}}, "exactly one of"),
    "entry point missing": ({"jobDriver": {"sparkSubmit": {}}}, "'jobDriver.sparkSubmit.entryPoint'"),
    "argument of a wrong type": (
        {"jobDriver": {"sparkSubmit": {**SPARK, "entryPointArguments": ["a", 1]}}},
        "'jobDriver.sparkSubmit.entryPointArguments[1]'",
    ),
    "unknown mode": ({"mode": "BATCHES"}, "enum value set: [BATCH, STREAMING]"),
    "name of blanks": ({"name": "  "}, "'name'"),
    "maxAttempts 0": ({"retryPolicy": {"maxAttempts": 0}}, "greater than or equal to 1"),
    "maxAttempts 11": ({"retryPolicy": {"maxAttempts": 11}}, "maxAttempts"),
    "timeout above the model's": ({"executionTimeoutMinutes": 2_000_000}, "less than or equal to 1000000"),
    "timeout a boolean": ({"executionTimeoutMinutes": True}, "type long"),
    "timeout of 4": ({"executionTimeoutMinutes": 4}, "at least 5"),
    "51 tags": ({"tags": {f"k{n}": "v" for n in range(51)}}, "51 tags"),
    "201 tags": ({"tags": {f"k{n}": "v" for n in range(201)}}, "less than or equal to 200"),
    "AWS's tag": ({"tags": {"aws:team": "v"}}, "aws:"),
    "tag key of bad characters": ({"tags": {"täam": "v"}}, "'tags.täam (key)'"),
    "classification missing": (
        {"configurationOverrides": {"applicationConfiguration": [{"properties": {}}]}},
        "applicationConfiguration[0].classification'",
    ),
    "policy too long": ({"executionIamPolicy": {"policy": "x" * 2049}}, "'executionIamPolicy.policy'"),
}


@pytest.mark.parametrize(("change", "words"), REFUSED.values(), ids=REFUSED)
def test_start_job_run_refuses(
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    change: Mapping[str, Any],
    words: str,
) -> None:
    """One fault makes a ValidationException (400) that names it, and starts nothing."""
    emr = client(still)
    request = {name: value for name, value in {**job, **change}.items() if value is not None}
    with pytest.raises(emr.exceptions.ValidationException) as raised:
        emr.start_job_run(**request)
    assert words in raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert still.job_runs() == []


ACCEPTED: Mapping[str, Mapping[str, Any]] = {
    "multi-line parameters": {
        "jobDriver": {"sparkSubmit": {**SPARK, "sparkSubmitParameters": "--conf a=b\n--conf c=d"}}
    },
    "hive": {"jobDriver": {"hive": {"query": "s3://code/q.sql"}}},
    "50 tags": {"tags": {f"k{n}": "v" for n in range(50)}},
    "timeout of 5": {"executionTimeoutMinutes": 5},
    "no timeout, before release 7.11": {"executionTimeoutMinutes": 0},
    "streaming without a timeout": {"mode": "STREAMING", "executionTimeoutMinutes": 0},
    "present, empty message": {"configurationOverrides": {}},
}


@pytest.mark.parametrize("change", ACCEPTED.values(), ids=ACCEPTED)
def test_start_job_run_accepts(
    still: Sandbox,
    client: Callable[..., Any],
    job: dict[str, Any],
    change: Mapping[str, Any],
) -> None:
    """What lies just within the bounds is accepted."""
    client(still).start_job_run(**{**job, **change})
    assert len(still.job_runs()) == 1


@pytest.mark.parametrize(("minutes", "said"), [(0, "at least 5"), (11_520, "at most 10080")])
def test_release_7_11_bounds_the_timeout(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any], minutes: int, said: str
) -> None:
    """From release 7.11 on, 0 (never) and more than seven days are refused for batch jobs."""
    emr = client(still)
    made = emr.create_application(name="a", releaseLabel="emr-7.12.0", type="SPARK", clientToken="t")["applicationId"]
    with pytest.raises(emr.exceptions.ValidationException, match=said):
        emr.start_job_run(**{**job, "applicationId": made, "executionTimeoutMinutes": minutes})


def test_all_violations_at_once_without_what_is_sensitive(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any]
) -> None:
    """The message counts every violation, repeats values that are not sensitive, and none that is."""
    emr = client(still)
    job["jobDriver"] = {"sparkSubmit": {**SPARK, "sparkSubmitParameters": " ", "entryPointArguments": [7777]}}
    job["configurationOverrides"] = {
        "applicationConfiguration": [{"classification": "c", "properties": {"secret-key": "hush" * 300}}]
    }
    with pytest.raises(emr.exceptions.ValidationException) as raised:
        emr.start_job_run(**job, mode="visible")
    message = raised.value.response["Error"]["Message"]
    assert message.startswith("4 validation errors detected: ")
    assert "'visible'" in message
    assert not [secret for secret in ("hush", "secret-key", "7777") if secret in message]


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ("list_job_runs", {"maxResults": 51}),
        ("list_job_runs", {"maxResults": "many"}),
        ("list_job_runs", {"states": ["DONE"]}),
        ("list_job_runs", {"mode": "DONE"}),
        ("list_job_runs", {"nextToken": "bm90IG9uZQ=="}),
        ("get_job_run", {"jobRunId": "UPPER"}),
        ("get_job_run", {"jobRunId": "0", "attempt": 0}),
        ("get_dashboard_for_job_run", {"jobRunId": "a.b"}),
        ("list_job_run_attempts", {"jobRunId": "0", "maxResults": 0}),
    ],
)
def test_other_operations_refuse(
    still: Sandbox, client: Callable[..., Any], operation: str, change: Mapping[str, Any]
) -> None:
    """What stands in the URI and the query is checked like the body."""
    emr = client(still)
    with pytest.raises(emr.exceptions.ValidationException):
        getattr(emr, operation)(applicationId="00f1", **change)


@pytest.mark.parametrize("body", [b"[]", b"{", b"null", b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_json_object(
    still: Sandbox, client: Callable[..., Any], job: dict[str, Any], body: bytes
) -> None:
    """A body that is no JSON object, or nests without end, is a ValidationException."""
    emr = client(still)
    emr.meta.events.register("before-call.emr-serverless.StartJobRun", lambda params, **_: params.update(body=body))
    with pytest.raises(emr.exceptions.ValidationException, match="JSON"):
        emr.start_job_run(**job)


def test_booleans_of_the_query(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """GetDashboardForJobRun takes its boolean as true or false alone."""
    emr = client(still)
    run = {"applicationId": job["applicationId"], "jobRunId": emr.start_job_run(**job)["jobRunId"]}
    assert emr.get_dashboard_for_job_run(**run, accessSystemProfileLogs=True)["url"].startswith(still.url)
    with pytest.raises(emr.exceptions.ValidationException):
        emr.get_dashboard_for_job_run(**run, accessSystemProfileLogs="yes")


def test_unknown_members_are_left_out(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """A member that the model lacks is ignored, as by AWS, though the record of the body shows it."""
    emr = client(still)
    emr.meta.events.register("before-call.emr-serverless.StartJobRun", _add_unknown)
    started = emr.start_job_run(**job)
    run = emr.get_job_run(applicationId=job["applicationId"], jobRunId=started["jobRunId"])["jobRun"]
    assert "fromTheFuture" not in run
    assert still.job_runs()[0].body["fromTheFuture"] == 1


def _add_unknown(params: dict[str, Any], **_: object) -> None:
    params["body"] = params["body"].replace(b"{", b'{"fromTheFuture": 1, ', 1)


def test_not_there(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Another application's run, another region's run and a second attempt are not there (404)."""
    started = client(still).start_job_run(**job)["jobRunId"]
    for region, application, more in (
        ("us-east-1", "other", {}),
        ("eu-west-1", job["applicationId"], {}),
        ("us-east-1", job["applicationId"], {"attempt": 2}),
    ):
        emr = client(still, region=region)
        with pytest.raises(emr.exceptions.ResourceNotFoundException) as raised:
            emr.get_job_run(applicationId=application, jobRunId=started, **more)
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_named_applications_are_the_only_ones(client: Callable[..., Any], job: dict[str, Any]) -> None:
    """With a list of applications, the others are not there, for any operation; without one, every id is."""
    with Sandbox(applications=[job["applicationId"]]) as sandbox:
        emr = client(sandbox)
        run = emr.start_job_run(**job)["jobRunId"]
        for operation, arguments in (
            ("start_job_run", {**job, "applicationId": "other"}),
            ("list_job_runs", {"applicationId": "other"}),
            ("get_job_run", {"applicationId": "other", "jobRunId": run}),
            ("cancel_job_run", {"applicationId": "other", "jobRunId": run}),
        ):
            with pytest.raises(ClientError, match="ResourceNotFoundException"):
                getattr(emr, operation)(**arguments)
