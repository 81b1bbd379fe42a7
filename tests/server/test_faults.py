"""AWS's faults through real boto3: code, reason, outcome, details and pushback by the contract's table."""

from __future__ import annotations

import itertools
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway.v1 import job_run_pb2

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ACCOUNT, ALLOW_ALL, PATIENCE_SECONDS, REGION, configuration, serving
from .jobs import cases, job, named
from .statuses import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .gateways import Gateway

_SECRET = "tr0ub4dor&3"  # noqa: S105 - what must not be told
# Wide, so that the answer is there before the caller's deadline on the slowest machine.
_MARGIN_SECONDS, _DEADLINE_SECONDS = 9.0, 9.6
_numbers = itertools.count()


@pytest.fixture(scope="module")
def aws() -> Iterator[FaultyAws]:
    """An AWS that does as it is told."""
    with faulty_aws() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(aws: FaultyAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before it, and before two endpoints that cannot be reached."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        endpoints = {
            "refused*": f"http://127.0.0.1:{closed.getsockname()[1]}",
            "unnamed*": "http://nothing.invalid",
            "**": aws.url,
        }
        fast = {"per_second": 1_000, "burst": 1_000}
        shared = {"account": ACCOUNT, "region": REGION, "rates": {"StartJobRun": fast, "GetJobRun": fast}}
        targets = [
            {**shared, "name": glob, "endpoint_url": url, "applications": [glob]} for glob, url in endpoints.items()
        ]
        limits = {"drain_pause_seconds": 0, "reply_margin_seconds": _MARGIN_SECONDS}
        settings = configuration(aws.url, targets=targets, limits=limits)
        policy = ALLOW_ALL.replace("runs: own", "runs: all")
        with serving(tmp_path_factory.mktemp("faults"), settings, policy) as running:
            yield running
            aws.released.set()


def _application(case: dict[str, Any], aws: FaultyAws) -> str:
    """An application of its own for a case, which AWS answers as the case has it."""
    application = f"{case.get('unreachable', 'case')}{next(_numbers)}"
    aws.faults[application] = case.get("aws", {})
    return application


def _assert_as_wanted(told: Refused, want: dict[str, Any]) -> None:
    assert (told.code, told.reason) == (want["code"], want["reason"])
    assert told.pushback == want.get("pushback") or (want.get("paced") and told.pushback is not None)
    assert set(told.details) == {"ErrorInfo", *want.get("details", ())}
    if "RetryInfo" in told.details:
        assert told.pushback
        assert told.details["RetryInfo"].retry_delay.ToMilliseconds() == told.pushback


def _assert_tries(case: dict[str, Any], seen: list[bytes]) -> None:
    if case["want"].get("paced"):
        assert len(seen) > 1
    else:
        assert len(seen) == (0 if "unreachable" in case else case["want"].get("tries", 1))


def _seconds(case: dict[str, Any]) -> float:
    """What is paced is tried until the deadline nears, so that one is near."""
    return _MARGIN_SECONDS + 3 if case["want"].get("paced") else PATIENCE_SECONDS


@pytest.mark.parametrize("case", cases("faults.yaml"), ids=named)
def test_start(case: dict[str, Any], aws: FaultyAws, gateway: Gateway) -> None:
    """Each fault has its row, and is tried again where that is safe: with the same token, the same bytes."""
    application = _application(case, aws)
    told = refused(lambda: gateway.start(job(applicationId=application), timeout=_seconds(case)))
    _assert_as_wanted(told, case["want"])
    assert told.outcome == case["want"]["outcome"]
    _assert_tries(case, aws.seen[application])
    assert len({bytes(data) for data in aws.seen[application]}) <= 1


@pytest.mark.parametrize("case", cases("faults.yaml"), ids=named)
def test_get(case: dict[str, Any], aws: FaultyAws, gateway: Gateway) -> None:
    """The same rows for GetJobRun, which starts nothing and so has no outcome."""
    application = _application(case, aws)
    told = refused(lambda: gateway.get(application, "00run", timeout=_seconds(case)))
    _assert_as_wanted(told, case["want"])
    assert told.outcome is None
    _assert_tries(case, aws.seen[application])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("SomeException", "SomeException"),
        ("ValidationException", "ValidationException"),
        (_SECRET, "400"),
        ("Hunter.Password", "400"),
        ("<b>Some</b>", "400"),
        ("Some Exception", "400"),
        ("x" * 65, "400"),
    ],
)
def test_aws_code_is_a_code(said: str, told: str, aws: FaultyAws, gateway: Gateway) -> None:
    """What stands where AWS's code does is told where it looks like one and is no word of the request's."""
    application = _application({"aws": {"status": 400, "type": said, "message": "no"}}, aws)
    arguments = [_SECRET, "--of=hunter.password", "ValidationException"]
    driver = {"sparkSubmit": {"entryPoint": "s3://b/a.py", "entryPointArguments": arguments}}
    answer = refused(lambda: gateway.start(job(applicationId=application, jobDriver=driver)))
    assert answer.message.startswith(f"AWS answered {told}: no")
    assert said == told or said.encode() not in answer.raw


@pytest.mark.parametrize(
    "beside", [{}, {"arn": 7, "applicationId": []}, {"arn": "\ud800", "applicationId": {"a": 1}}, {"arn": None}]
)
def test_an_id_is_never_lost(beside: dict[str, Any], aws: FaultyAws, gateway: Gateway) -> None:
    """A job that started is told by its id, whatever AWS says beside that; what cannot be said is left out."""
    application = _application({"aws": {"status": 200, "body": json.dumps({"jobRunId": "00run", **beside})}}, aws)
    reply = gateway.start(job(applicationId=application))
    assert (reply.job_run_id, reply.arn, reply.application_id) == ("00run", "", "")


def test_a_run_of_which_half_makes_no_sense(aws: FaultyAws, gateway: Gateway) -> None:
    """GetJobRun tells what the contract can say of a run, and leaves out the rest."""
    run = {
        "jobRunId": "00run",
        "arn": 7,
        "attempt": 1 << 40,
        "state": "RUNNING",
        "tags": {"a": 7, "b": "c"},
        "name": {},
    }
    application = _application({"aws": {"status": 200, "body": json.dumps({"jobRun": run})}}, aws)
    told = gateway.get(application, "00run").job_run
    assert (told.job_run_id, told.state, told.arn) == ("00run", job_run_pb2.JOB_RUN_STATE_RUNNING, "")
    assert (dict(told.tags), told.name, told.attempt) == ({"b": "c"}, "", 0)


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_an_answer_that_does_not_come(how: str, aws: FaultyAws, gateway: Gateway) -> None:
    """The gateway answers before the caller's deadline, in its own words: a job may have started."""
    application = _application({"aws": {"how": how}}, aws)
    told = refused(lambda: gateway.start(job(applicationId=application), timeout=_DEADLINE_SECONDS))
    assert (told.code, told.reason, told.outcome) == ("DEADLINE_EXCEEDED", "DEADLINE", "unknown")
    assert len(aws.seen[application]) == 1
    told = refused(lambda: gateway.get(application, "00run", timeout=_DEADLINE_SECONDS))
    assert (told.code, told.reason, told.outcome) == ("DEADLINE_EXCEEDED", "DEADLINE", None)


_QUOTING = [
    "Value '{}' at 'entryPointArguments' failed to satisfy constraint",
    'Value "{}" is bad',
    "Cannot parse --password={} near character 12",
    "1 error: {}, {} and {}",
    "Bad token `{}`: {}",
]


@pytest.mark.parametrize("text", _QUOTING)
@pytest.mark.parametrize("status", [400, 403, 409, 500])
def test_aws_quotes_what_it_refuses(text: str, status: int, aws: FaultyAws, gateway: Gateway) -> None:
    """Values of the request that AWS's message repeats are in neither status nor details; the rest is told."""
    quoting = {"status": status, "type": "SomeException", "message": "kept words " + text.replace("{}", _SECRET)}
    application = _application({"aws": quoting}, aws)
    driver = {"sparkSubmit": {"entryPoint": "s3://b/a.py", "entryPointArguments": ["--password", _SECRET]}}
    told = refused(lambda: gateway.start(job(applicationId=application, jobDriver=driver)))
    assert _SECRET.encode() not in told.raw
    assert "SomeException: kept words" in told.message
    assert json.loads(aws.seen[application][0])["jobDriver"] == driver
