"""A stream that goes on where another one ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from tests.server.statuses import refused

from .scripted_aws import APPLICATION
from .watchers import Watching

if TYPE_CHECKING:
    from tests.server.conftest import Serve
    from tests.server.gateways import Gateway

    from .scripted_aws import ScriptedAws


def _token(gateway: Gateway, run: str) -> str:
    """The token of a run as it stands."""
    watching = Watching(gateway, run).until("RUNNING")
    watching.cancel()
    return watching.messages[0].resume_token


def test_nothing_until_it_changes(aws: ScriptedAws, gateway: Gateway) -> None:
    """What was seen is not told again; the next change is."""
    aws.put("00res1", "RUNNING")
    watching = Watching(gateway, "00res1", token=_token(gateway, "00res1"))
    time.sleep(1.5)
    assert watching.states == []
    aws.put("00res1", "CANCELLING")
    watching.until("CANCELLING")
    watching.cancel()


def test_what_changed_meanwhile(aws: ScriptedAws, gateway: Gateway) -> None:
    """What changed while nobody watched is told at once; an end ends the stream."""
    aws.put("00res2", "RUNNING")
    token = _token(gateway, "00res2")
    aws.put("00res2", "FAILED")
    watching = Watching(gateway, "00res2", token=token).until("FAILED").ended()
    assert watching.refused is None
    again = Watching(gateway, "00res2", token=watching.messages[0].resume_token)
    assert again.until("FAILED").ended().refused is None


def test_at_another_replica(aws: ScriptedAws, gateway: Gateway, serve: Serve) -> None:
    """A token is understood by a gateway that has never heard of the run."""
    from .conftest import sections  # noqa: PLC0415 - a conftest is no module to import from before pytest has

    aws.put("00res3", "RUNNING")
    other = serve(aws.url, sections=sections(aws))
    watching = Watching(other, "00res3", token=_token(gateway, "00res3"))
    time.sleep(1.5)
    aws.put("00res3", "SUCCESS")
    assert watching.until("SUCCESS").ended().refused is None


@pytest.mark.parametrize("token", ["", "x", "é", "AAAA", "MQ==", "A" * 2_000])
def test_garbage(token: str, aws: ScriptedAws, gateway: Gateway) -> None:
    """What is no token is told to be none, before AWS is asked."""
    request = pb.WatchJobRunRequest(application_id=APPLICATION, job_run_id="00res4", resume_token=token)
    told = refused(lambda: list(gateway.jobs.WatchJobRun(request, timeout=10)))
    assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["resume_token"])
    assert not aws.calls


def test_of_another_run(aws: ScriptedAws, gateway: Gateway) -> None:
    """Another run's token is none."""
    aws.put("00res5", "RUNNING")
    request = pb.WatchJobRunRequest(
        application_id=APPLICATION, job_run_id="00res6", resume_token=_token(gateway, "00res5")
    )
    told = refused(lambda: list(gateway.jobs.WatchJobRun(request, timeout=10)))
    assert (told.code, told.fields) == ("INVALID_ARGUMENT", ["resume_token"])
