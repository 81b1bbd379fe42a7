"""Whose runs a caller sees: by the stamped tag and grants; one answer for what is not there and what is not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb

from .around import around, straight
from .gateways import ALLOW_ALL, CALLER, configuration, serving
from .jobs import APPLICATION, job
from .statuses import Refused, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_COLLEAGUE, _STRANGER = "spiffe://local/ns/data-eng/sa/other", "spiffe://local/ns/ml/sa/etl"
_CALLERS = [
    {"match": "spiffe://local/ns/data-eng/**", "labels": {"team": "data-eng"}},
    {"match": "spiffe://local/ns/ml/**", "labels": {"team": "ml"}},
]


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Iterator[Any]:
    """AWS as someone reaches it who goes around the gateway, with the gateway's own credentials."""
    with straight(sandbox.url) as client:
        yield client


def _not_there(gateway: Gateway, run: str, application: str = APPLICATION) -> Refused:
    """What is said of a run, with its id replaced: what is left must be the same whatever the cause."""
    told = refused(lambda: gateway.get(application, run))
    assert (told.code, told.reason, told.pushback) == ("NOT_FOUND", "NOT_FOUND", None)
    resource = told.details["ResourceInfo"]
    assert resource.resource_name == f"applications/{application}/jobruns/{run}"
    return Refused(told.code, told.message.replace(run, "ID"), {}, None, told.raw.replace(run.encode(), b"ID"))


def test_own_run(sandbox: Sandbox, open_gateway: Gateway) -> None:
    """What AWS knows of a run that this caller submitted, tags and driver included."""
    request = job(name="mine", mode="BATCH", executionTimeoutMinutes=30, tags={"team": "data-eng"})
    started = open_gateway.start(request)
    run = open_gateway.get(APPLICATION, started.job_run_id).job_run
    assert (run.job_run_id, run.application_id, run.arn) == (started.job_run_id, APPLICATION, started.arn)
    assert (run.name, run.mode, run.execution_timeout_minutes) == ("mine", request.mode, 30)
    assert run.job_driver == request.job_driver
    assert (run.tags["team"], run.tags["emr-gateway:caller"]) == ("data-eng", CALLER)
    assert run.state == job_run_pb2.JOB_RUN_STATE_SUBMITTED
    held = next(held for held in sandbox.job_runs() if held.job_run_id == run.job_run_id)
    assert abs(run.created_at.ToMilliseconds() / 1000 - held.created_at) < 1


def test_an_attempt(open_gateway: Gateway) -> None:
    """`attempt` reaches AWS: the first one is there, another one is not."""
    run = open_gateway.start(job()).job_run_id
    first = open_gateway.jobs.GetJobRun(pb.GetJobRunRequest(application_id=APPLICATION, job_run_id=run, attempt=1))
    assert first.job_run.attempt == 1
    second = pb.GetJobRunRequest(application_id=APPLICATION, job_run_id=run, attempt=2)
    assert refused(lambda: open_gateway.jobs.GetJobRun(second)).code in ("NOT_FOUND", "INVALID_ARGUMENT")


@pytest.mark.parametrize("owner", [None, _COLLEAGUE, _STRANGER, CALLER + "/x", CALLER.upper(), ""])
def test_what_is_not_yours_is_not_there(owner: str | None, aws: Any, open_gateway: Gateway) -> None:  # noqa: ANN401
    """A run without our tag, or with another's, gets the very answer of one that does not exist."""
    run = around(aws, APPLICATION, owner)
    assert _not_there(open_gateway, run) == _not_there(open_gateway, "00nosuchrun00000")


def test_without_a_grant_nothing_is_there(aws: Any, sandbox: Sandbox, serve: Serve) -> None:  # noqa: ANN401
    """NOT_FOUND for the caller's own run too, alike for one that does not exist; and `start` is no grant to get."""
    policy = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: start-only}
grants:
  - {actions: [start, list, cancel, watch], applications: ["**"], roles: ["**"], runs: all}
  - {actions: [get], applications: ["00elsewhere"], runs: all}
  - {actions: [get], applications: ["**"], runs: all, match: {callers: ["spiffe://local/ns/other/**"]}}
"""
    gateway = serve(sandbox.url, policy)
    assert _not_there(gateway, around(aws, APPLICATION, CALLER)) == _not_there(gateway, "00nosuchrun00000")


_RUNS = [
    ("all", None, True),
    ("all", _STRANGER, True),
    ("own", CALLER, True),
    ("own", _COLLEAGUE, False),
    ("label:team", CALLER, True),
    ("label:team", _COLLEAGUE, True),
    ("label:team", _STRANGER, False),
    ("label:team", "spiffe://local/ns/unknown/sa/x", False),
    ("label:team", None, False),
    ("label:missing", _COLLEAGUE, False),
]


def _application(runs: str) -> str:
    """The application whose grant has these `runs`."""
    return "00" + runs.replace(":", "")


@pytest.fixture(scope="module")
def granting(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a grant for each kind of `runs`, on an application of its own."""
    grants = "".join(
        f"  - {{actions: [get], applications: [{_application(runs)}], runs: {runs!r}}}\n"
        for runs in sorted({runs for runs, _, _ in _RUNS})
    )
    policy = ALLOW_ALL.partition("  - ")[0] + grants
    settings = configuration(sandbox.url, callers=_CALLERS)
    with serving(tmp_path_factory.mktemp("granting"), settings, policy) as running:
        yield running


@pytest.mark.parametrize(("runs", "owner", "shown"), _RUNS)
def test_runs(runs: str, owner: str | None, shown: bool, aws: Any, granting: Gateway) -> None:  # noqa: ANN401, FBT001
    """`own`, `all` and `label:` by today's table of labels: the owner's, and the caller's."""
    application = _application(runs)
    run = around(aws, application, owner)
    if shown:
        assert granting.get(application, run).job_run.job_run_id == run
    else:
        assert _not_there(granting, run, application) == _not_there(granting, "00nosuchrun00000", application)


def test_a_malformed_question(open_gateway: Gateway) -> None:
    """GetJobRun is held against AWS's model as well; it has no outcome to tell."""
    told = refused(lambda: open_gateway.get("NOT-AN-ID", ""))
    assert (told.code, told.reason, told.outcome) == ("INVALID_ARGUMENT", "INVALID_REQUEST", None)
    assert sorted(told.fields) == ["application_id", "job_run_id"]
