"""A stream from the present state to the last one, through a real gateway."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from tests.server.gateways import CALLER, PATIENCE_SECONDS
from tests.server.statuses import refused

from .scripted_aws import APPLICATION, SECRET
from .watchers import Watching, eventually

if TYPE_CHECKING:
    from tests.server.gateways import Gateway

    from .scripted_aws import ScriptedAws


def test_every_state_to_the_end(aws: ScriptedAws, gateway: Gateway) -> None:
    """Each state is told once, the stream ends with OK after the last, whose message has AWS's figures."""
    states = ["SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]
    aws.put("00run1", states[0])
    watching = Watching(gateway, "00run1")
    for number, state in enumerate(states):
        aws.put("00run1", state)
        watching.until(*states[: number + 1])
    assert watching.ended().refused is None
    run = watching.messages[-1].job_run
    assert (run.job_run_id, run.application_id, run.tags["emr-gateway:caller"]) == ("00run1", APPLICATION, CALLER)
    assert (run.queued_duration_milliseconds, run.total_execution_duration_seconds) == (4_000, 61)
    assert (run.total_resource_utilization.v_cpu_hour, run.billed_resource_utilization.v_cpu_hour) == (1.5, 1.75)


@pytest.mark.parametrize("end", ["SUCCESS", "FAILED", "CANCELLED"])
def test_an_end_at_once(end: str, aws: ScriptedAws, gateway: Gateway) -> None:
    """A run that has ended is told of at once, and the stream ends; with figures that AWS has not yet left out."""
    aws.put("00over" + end.lower(), end, billedResourceUtilization=None)
    watching = Watching(gateway, "00over" + end.lower()).until(end).ended()
    assert watching.refused is None
    assert not watching.messages[0].job_run.HasField("billed_resource_utilization")


def test_cancelling_is_no_end(aws: ScriptedAws, gateway: Gateway) -> None:
    """CANCELLING is told and waited through."""
    aws.put("00run2", "RUNNING")
    watching = Watching(gateway, "00run2").until("RUNNING")
    aws.put("00run2", "CANCELLING")
    watching.until("RUNNING", "CANCELLING")
    time.sleep(1.5)
    assert watching.is_open
    aws.put("00run2", "CANCELLED")
    assert watching.until("RUNNING", "CANCELLING", "CANCELLED").ended().refused is None


def test_states_to_come(aws: ScriptedAws, gateway: Gateway) -> None:
    """A state that nobody here knows is told as unspecified, another one too, and neither ends the stream."""
    for run in ("00new1", "00new2", "00new3"):  # more than one, so that they are listed: a list does not have them
        aws.put(run, "RUNNING")
    streams = [Watching(gateway, run).until("RUNNING") for run in ("00new1", "00new2", "00new3")]
    for state in ("HIBERNATING", "HIBERNATED"):
        for run in ("00new1", "00new2", "00new3"):
            aws.put(run, state)
        eventually(partial(_all_are, streams, f"it is {state}"))
    aws.put("00new1", "SUCCESS")
    assert streams[0].until("RUNNING", "UNSPECIFIED", "UNSPECIFIED", "SUCCESS").ended().refused is None
    assert all(stream.is_open for stream in streams[1:])
    for stream in streams:
        stream.cancel()


def test_another_attempt_is_told(aws: ScriptedAws, gateway: Gateway) -> None:
    """A retry that is RUNNING again is a change; a later time of the same state and attempt is none."""
    aws.put("00run3", "RUNNING")
    watching = Watching(gateway, "00run3").until("RUNNING")
    aws.put("00run3", "RUNNING")
    time.sleep(1.5)
    watching.until("RUNNING")
    aws.put("00run3", "RUNNING", attempt=2)
    assert [each.job_run.attempt for each in watching.until("RUNNING", "RUNNING").messages] == [1, 2]
    watching.cancel()


def test_nothing_sensitive_is_told(aws: ScriptedAws, gateway: Gateway) -> None:
    """Neither the present state nor the last one carries what AWS's model marks sensitive."""
    aws.put("00run4", "RUNNING")
    watching = Watching(gateway, "00run4").until("RUNNING")
    aws.put("00run4", "SUCCESS")
    watching.until("RUNNING", "SUCCESS").ended()
    assert SECRET.encode() not in b"".join(message.SerializeToString() for message in watching.messages)
    assert watching.messages[-1].job_run.state_details == "it is SUCCESS"


def test_an_answer_of_before_is_no_news(aws: ScriptedAws, gateway: Gateway) -> None:
    """A server of AWS's that lags behind tells an older state: the stream does not go back."""
    aws.put("00run5", "RUNNING")
    watching = Watching(gateway, "00run5").until("RUNNING")
    aws.put("00run5", "SCHEDULED", updatedAt=time.time() - 3_600)
    time.sleep(1.5)
    aws.put("00run5", "SUCCESS")
    assert watching.until("RUNNING", "SUCCESS").ended().refused is None


@pytest.mark.parametrize("owner", ["spiffe://local/ns/ml/sa/other", None])
def test_what_is_not_yours_is_not_there(owner: str | None, aws: ScriptedAws, gateway: Gateway) -> None:
    """Another's run, nobody's and none get one answer."""
    run = "00other" if owner else "00nobodys"
    aws.put(run, "RUNNING", tags={"emr-gateway:caller": owner} if owner else {})
    told = [refused(partial(_streamed, gateway, name)) for name in (run, "00nosuchrun")]
    assert {(each.code, each.reason) for each in told} == {("NOT_FOUND", "NOT_FOUND")}
    assert told[0].message.replace(run, "ID") == told[1].message.replace("00nosuchrun", "ID")


def test_a_malformed_question(gateway: Gateway) -> None:
    """It is held against AWS's model, as a GetJobRun is."""
    told = refused(lambda: list(gateway.jobs.WatchJobRun(pb.WatchJobRunRequest(application_id="NO"), timeout=10)))
    assert (told.code, told.reason) == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    assert sorted(told.fields) == ["application_id", "job_run_id"]


def _all_are(streams: list[Watching], details: str) -> bool:
    return all(stream.messages[-1].job_run.state_details == details for stream in streams)


def _streamed(gateway: Gateway, run: str) -> list[pb.WatchJobRunResponse]:
    request = pb.WatchJobRunRequest(application_id=APPLICATION, job_run_id=run)
    return list(gateway.jobs.WatchJobRun(request, timeout=PATIENCE_SECONDS))
