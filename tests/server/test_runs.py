"""Stopping a run, its attempts and its dashboard: for those whose grants cover its owner, and nobody else."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_sandbox import Fault, Sandbox, Step

from .gateways import ALLOW_ALL, CALLER, PATIENCE_SECONDS, configuration, serving
from .jobs import APPLICATION, job
from .statuses import Refused, read, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from .conftest import Serve
    from .gateways import Gateway

_STRANGER = "spiffe://local/ns/ml/sa/etl"
_GATES = {"GetJobRun": "get", "CancelJobRun": "cancel", "ListJobRunAttempts": "get", "GetDashboardForJobRun": "get"}
_METHODS = pytest.mark.parametrize("method", _GATES)
_REQUESTS: dict[str, Callable[..., Message]] = {
    "GetJobRun": pb.GetJobRunRequest,
    "CancelJobRun": pb.CancelJobRunRequest,
    "ListJobRunAttempts": pb.ListJobRunAttemptsRequest,
    "GetDashboardForJobRun": pb.GetDashboardForJobRunRequest,
}


def _ask(gateway: Gateway, method: str, run: str, **members: Any) -> Any:  # noqa: ANN401 - a reply of any method
    request = _REQUESTS[method](application_id=APPLICATION, job_run_id=run, **members)
    return getattr(gateway.jobs, method)(request, timeout=PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """A sandbox whose calls nobody else makes; its runs stay SUBMITTED until they are driven."""
    with Sandbox(seconds_per_state=3600) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The caller's own gateway."""
    with serving(tmp_path_factory.mktemp("own"), _fast(aws.url)) as running:
        yield running


@pytest.fixture(scope="module")
def stranger(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that takes everyone for a stranger, who has the same grants on runs of their own."""
    with serving(tmp_path_factory.mktemp("strange"), _fast(aws.url, _STRANGER)) as running:
        yield running


def _fast(url: str, caller: str = CALLER) -> dict[str, Any]:
    settings = configuration(url, identity={"insecure": {"caller": caller}})
    settings["targets"][0]["rates"] = {name: {"per_second": 1000, "burst": 1000} for name in _GATES}
    return settings


def test_cancel(aws: Sandbox, gateway: Gateway) -> None:
    """The caller's own run is CANCELLING, then CANCELLED; doing it twice is no error, and the grace reaches AWS."""
    run = gateway.start(job()).job_run_id
    reply = _ask(gateway, "CancelJobRun", run, shutdown_grace_period_in_seconds=15)
    assert (reply.application_id, reply.job_run_id) == (APPLICATION, run)
    assert gateway.get(APPLICATION, run).job_run.state == job_run_pb2.JOB_RUN_STATE_CANCELLING
    assert _ask(gateway, "CancelJobRun", run).job_run_id == run
    told = refused(lambda: _ask(gateway, "CancelJobRun", run, shutdown_grace_period_in_seconds=14))
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "UPSTREAM_VALIDATION")
    aws.drive(run, "CANCELLED")
    assert gateway.get(APPLICATION, run).job_run.state == job_run_pb2.JOB_RUN_STATE_CANCELLED


@pytest.mark.parametrize("end", ["SUCCESS", "FAILED", "CANCELLED"])
def test_cancel_what_has_ended(end: str, aws: Sandbox, gateway: Gateway) -> None:
    """AWS's refusal, as the table has it; the state stays."""
    run = gateway.start(job()).job_run_id
    aws.drive(run, end)
    told = refused(lambda: _ask(gateway, "CancelJobRun", run))
    assert (told.code, told.reason, told.outcome) == ("INVALID_ARGUMENT", "UPSTREAM_VALIDATION", None)
    assert "cancellable state" in told.message
    assert gateway.get(APPLICATION, run).job_run.state == job_run_pb2.JobRunState.Value(f"JOB_RUN_STATE_{end}")


def test_a_lost_reply_to_a_cancel_is_asked_for_again(aws: Sandbox, gateway: Gateway) -> None:
    """Cancelling twice does no harm, so the gateway tries again by itself, and no outcome is told of."""
    run = gateway.start(job()).job_run_id
    aws.play(Fault("reset-after", operation="CancelJobRun"))
    before = aws.calls.get("CancelJobRun", 0)
    assert _ask(gateway, "CancelJobRun", run).job_run_id == run
    assert aws.calls["CancelJobRun"] - before == 2


def test_attempts(aws: Sandbox, gateway: Gateway) -> None:
    """Each attempt with its number and its end, in pages by AWS's own tokens."""
    run = gateway.start(job(retryPolicy={"maxAttempts": 3})).job_run_id
    for number in (1, 2, 3):
        aws.drive(run, Step("RUNNING", attempt=number))
    found, token = [], None
    while token != "":
        page = _ask(gateway, "ListJobRunAttempts", run, max_results=1, next_token=token)
        found += page.job_run_attempts
        token = page.next_token
    failed, running = job_run_pb2.JOB_RUN_STATE_FAILED, job_run_pb2.JOB_RUN_STATE_RUNNING
    assert [(each.attempt, each.state) for each in found] == [(1, failed), (2, failed), (3, running)]


def test_a_dashboard(gateway: Gateway) -> None:
    """Where AWS says the interface is; of an attempt that is not there, NOT_FOUND."""
    run = gateway.start(job()).job_run_id
    assert _ask(gateway, "GetDashboardForJobRun", run).url.endswith(f"/_sandbox/job-runs?jobRunId={run}")
    assert _ask(gateway, "GetDashboardForJobRun", run, attempt=1).url
    assert refused(lambda: _ask(gateway, "GetDashboardForJobRun", run, attempt=9)).code == "NOT_FOUND"


def test_a_dashboard_is_written_nowhere(aws: Sandbox, serve: Serve) -> None:
    """Its URL lets in whoever has it: neither the log at its loudest nor a span holds it."""
    gateway = serve(aws.url, log_level="DEBUG", environment={"OTEL_TRACES_EXPORTER": "console"})
    run = gateway.start(job()).job_run_id
    url = _ask(gateway, "GetDashboardForJobRun", run).url
    ended = gateway.stop()
    assert "EMR Serverless/GetDashboardForJobRun" in ended.stdout + ended.stderr
    for text in (url, "_sandbox"):
        assert text not in ended.stdout + ended.stderr


@pytest.mark.parametrize("members", [{"job_run_id": "NOT AN ID"}, {"application_id": ""}])
@_METHODS
def test_a_malformed_question(method: str, members: dict[str, str], gateway: Gateway) -> None:
    """Each is held against AWS's model."""
    request = _REQUESTS[method](**{"application_id": APPLICATION, "job_run_id": "00run", **members})
    told = refused(lambda: getattr(gateway.jobs, method)(request, timeout=PATIENCE_SECONDS))
    assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", list(members))


@_METHODS
def test_a_grant_for_each(method: str, aws: Sandbox, gateway: Gateway, serve: Serve) -> None:
    """`get` for looking, `cancel` for stopping: with every other action granted the caller's own run is not there."""
    run = gateway.start(job()).job_run_id
    others = sorted({"start", "get", "list", "cancel", "watch"} - {_GATES[method]})
    without = serve(aws.url, ALLOW_ALL.replace("start, get, list, cancel, watch", ", ".join(others)))
    before = aws.calls
    told = refused(lambda: _ask(without, method, run))
    assert (told.code, told.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert aws.calls == before
    assert _ask(gateway, method, run) is not None


def _without(told: Refused, run: str) -> Refused:
    """What was said, less the run's id and its wrapping."""
    return Refused(told.code, told.message.replace(run, "ID"), {}, told.pushback, told.raw.replace(run.encode(), b"ID"))


@pytest.mark.parametrize(
    ("method", "members"),
    [
        *((method, {}) for method in _GATES),
        *((method, {"attempt": n}) for method in ("GetJobRun", "GetDashboardForJobRun") for n in (1, 9)),
    ],
    ids=str,
)
def test_not_yours_and_not_there_cost_the_same(
    method: str, members: dict[str, int], aws: Sandbox, gateway: Gateway, stranger: Gateway
) -> None:
    """One GetJobRun and the same words, at the first question and at the tenth: no cache answers for itself."""
    theirs = gateway.start(job()).job_run_id
    gone = theirs[:-4] + "none"
    said = {}
    for run in (theirs, gone):
        for _ in range(10):
            before = aws.calls
            told = _without(refused(lambda run=run: _ask(stranger, method, run, **members)), run)  # type: ignore[misc] # a default argument
            asked = {name: count - before.get(name, 0) for name, count in aws.calls.items()}
            assert {name: count for name, count in asked.items() if count} == {"GetJobRun": 1}
            said[run] = told
    assert said[theirs] == said[gone]
    assert said[theirs].code == "NOT_FOUND"


@_METHODS
def test_what_ails_aws_tells_nothing_either(method: str, aws: Sandbox, gateway: Gateway, stranger: Gateway) -> None:
    """While AWS denies the gateway, a run that is known to be another's gets the answer of one that is not there."""
    theirs = gateway.start(job()).job_run_id
    refused(lambda: _ask(stranger, method, theirs))  # its owner is known from now on
    aws.play(Fault("access-denied", operation="GetJobRun", times=2))
    told = [_without(refused(lambda run=run: _ask(stranger, method, run)), run) for run in (theirs, "00nosuchrun00000")]  # type: ignore[misc] # a default argument
    assert told[0] == told[1]
    assert b"UPSTREAM_ACCESS_DENIED" in told[0].raw


def test_within_noise_in_time(aws: Sandbox, gateway: Gateway, stranger: Gateway) -> None:
    """With an AWS that takes 30 ms, alternately asked: the medians are alike, and neither is a cache's."""
    theirs = gateway.start(job()).job_run_id
    gone = theirs[:-4] + "none"
    aws.play(Fault("slow", operation="GetJobRun", times=None, seconds=0.03))
    took: dict[str, list[float]] = {theirs: [], gone: []}
    try:
        for _ in range(25):
            for run, times in took.items():
                began = time.perf_counter()
                with pytest.raises(grpc.RpcError) as caught:
                    _ask(stranger, "GetJobRun", run, attempt=1)
                times.append(time.perf_counter() - began)
                assert read(cast("grpc.Call", caught.value)).code == "NOT_FOUND"
    finally:
        aws.clear_faults()
    medians = {run: statistics.median(times) for run, times in took.items()}
    assert min(medians.values()) >= 0.03
    assert max(medians.values()) < 1.5 * min(medians.values())


def test_whose_it_is_is_asked_once(aws: Sandbox, gateway: Gateway, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's
    """A run that this gateway started needs no question before it is stopped; to another replica, one in all."""
    run = gateway.start(job()).job_run_id
    before = aws.calls
    _ask(gateway, "ListJobRunAttempts", run)
    assert aws.calls.get("GetJobRun", 0) == before.get("GetJobRun", 0)
    with serving(tmp_path / "replica", _fast(aws.url)) as replica:
        for _ in range(3):
            _ask(replica, "ListJobRunAttempts", run)
    assert aws.calls["GetJobRun"] == before.get("GetJobRun", 0) + 1
