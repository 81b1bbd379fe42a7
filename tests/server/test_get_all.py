"""GetJobRun tells all that AWS does: to the run's owner whole, to others less what AWS's model marks sensitive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_sandbox import Sandbox, Step

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import ALLOW_ALL, CALLER, PATIENCE_SECONDS
from .jobs import APPLICATION, job
from .populated import Populated, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Serve
    from .gateways import Gateway

_OTHER = "spiffe://local/ns/other/sa/x"
_DRIVERS = ("sparkSubmit", "hive")


@pytest.fixture
def aws() -> Iterator[FaultyAws]:
    """An AWS that says what it is told to."""
    with faulty_aws() as running:
        yield running


@pytest.fixture
def gateway(aws: FaultyAws, serve: Serve) -> Gateway:
    """A gateway before it, whose policy shows its caller the runs of all."""
    return serve(aws.url, ALLOW_ALL.replace("runs: own", "runs: all"))


def _told(aws: FaultyAws, gateway: Gateway, driver: str, owner: str | None, **asked: Any) -> tuple[Populated, Any]:  # noqa: ANN401 - any member; a message
    populated = Populated("JobRun", driver)
    if owner is not None:
        populated.value["tags"] = {"emr-gateway:caller": owner, **populated.value["tags"]}
        populated.leaves[".tags.emr-gateway:caller"] = owner
    aws.faults["app"] = {"status": 200, "body": json.dumps({"jobRun": populated.value})}
    request = pb.GetJobRunRequest(application_id="app", job_run_id="00run", **asked)
    return populated, gateway.jobs.GetJobRun(request, timeout=PATIENCE_SECONDS).job_run


@pytest.mark.parametrize("asked", [{}, {"attempt": 7}], ids=["latest", "attempt"])
@pytest.mark.parametrize("driver", _DRIVERS)
def test_the_owner_is_told_everything(driver: str, asked: dict[str, int], aws: FaultyAws, gateway: Gateway) -> None:
    """Each member of the model, at every depth, arrives; free text as it was."""
    populated, run = _told(aws, gateway, driver, CALLER, **asked)
    found = leaves(run)
    assert found.keys() == populated.leaves.keys()
    for path, value in populated.leaves.items():
        assert value is None or found[path] == value


@pytest.mark.parametrize("asked", [{}, {"attempt": 7}], ids=["latest", "attempt"])
@pytest.mark.parametrize("owner", [_OTHER, CALLER + "/x", None])
@pytest.mark.parametrize("driver", _DRIVERS)
def test_others_are_told_the_rest(
    driver: str, owner: str | None, asked: dict[str, int], aws: FaultyAws, gateway: Gateway
) -> None:
    """With a grant that shows the run: every member but the sensitive ones, of which none is there in any place."""
    populated, run = _told(aws, gateway, driver, owner, **asked)
    assert len(populated.sensitive) >= 3
    assert leaves(run).keys() == populated.leaves.keys() - populated.sensitive
    for path in populated.sensitive:
        assert path.encode() not in run.SerializeToString()
    assert run.job_driver.WhichOneof("driver") == {"sparkSubmit": "spark_submit", "hive": "hive"}[driver]


def test_the_model_still_marks_what_we_know() -> None:
    """The property above rests on the model's marks: these are there, as AWS documents them."""
    paths = [path for driver in _DRIVERS for path in Populated("JobRun", driver).sensitive]
    marked = {path.rpartition(".")[2] for path in paths}
    known = {"entry_point", "entry_point_arguments[]", "spark_submit_parameters", "query", "init_query_file"}
    assert known | {"parameters"} <= marked
    assert any(path.endswith(".properties") and ".properties.key of " in path for path in paths)


def test_figures_at_the_end(serve: Serve) -> None:
    """What a run used, what is billed, how long it was queued and its attempts, once AWS knows them."""
    with Sandbox(seconds_per_state=3600) as sandbox:
        gateway = serve(sandbox.url)
        run = gateway.start(job()).job_run_id
        sandbox.drive(run, Step("QUEUED", 0.1), Step("RUNNING"))
        while (told := gateway.get(APPLICATION, run).job_run).state != job_run_pb2.JOB_RUN_STATE_RUNNING:
            assert told.state == job_run_pb2.JOB_RUN_STATE_QUEUED
        assert not told.HasField("billed_resource_utilization")
        assert told.queued_duration_milliseconds == 100
        sandbox.drive(run, Step("RUNNING", attempt=2))
        sandbox.drive(run, Step("SUCCESS", attempt=2))
        told = gateway.get(APPLICATION, run).job_run
        assert (told.state, told.attempt) == (job_run_pb2.JOB_RUN_STATE_SUCCESS, 2)
        assert told.billed_resource_utilization.v_cpu_hour >= told.total_resource_utilization.v_cpu_hour > 0
        assert told.total_execution_duration_seconds == 1
        assert told.started_at.ToNanoseconds() < told.ended_at.ToNanoseconds()
