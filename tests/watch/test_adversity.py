"""What ends no stream, and what does: AWS away, drains, policies, limits."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from tests.server.gateways import ALLOW_ALL
from tests.server.statuses import refused
from tests.server.test_services import fetched

from .conftest import sections
from .scripted_aws import APPLICATION
from .watchers import Watching, eventually

if TYPE_CHECKING:
    from tests.server.conftest import Serve
    from tests.server.gateways import Gateway

    from .scripted_aws import ScriptedAws

_NO_WATCH = ALLOW_ALL.replace(", watch", "")


@pytest.mark.parametrize(
    "fault",
    [(429, "ThrottlingException"), (500, "InternalServerException"), (403, "AccessDeniedException"), (400, "Odd")],
)
def test_aws_away(fault: tuple[int, str], aws: ScriptedAws, gateway: Gateway) -> None:
    """While AWS throttles, fails or denies, the stream waits and says nothing; then it tells what became of the run."""
    run = f"00away{fault[0]}"
    aws.put(run, "RUNNING")
    watching = Watching(gateway, run).until("RUNNING")
    aws.fault = fault
    aws.put(run, "SUCCESS")
    time.sleep(3)
    assert watching.until("RUNNING").is_open
    aws.fault = None
    assert watching.until("RUNNING", "SUCCESS").ended().refused is None


def test_credentials_that_have_expired(aws: ScriptedAws, gateway: Gateway) -> None:
    """Credentials that AWS calls expired, for long, end nothing either."""
    aws.put("00expired", "PENDING")
    watching = Watching(gateway, "00expired").until("PENDING")
    aws.fault = (403, "ExpiredTokenException")
    time.sleep(3)
    assert watching.is_open
    aws.fault = None
    aws.put("00expired", "CANCELLED")
    assert watching.until("PENDING", "CANCELLED").ended().refused is None


def test_where_lists_are_denied(aws: ScriptedAws, gateway: Gateway) -> None:
    """A gateway that may get and not list asks for each run."""
    aws.fault, aws.faulty = (403, "AccessDeniedException"), frozenset({"ListJobRuns"})
    for number in range(3):
        aws.put(f"00nolist{number}", "RUNNING")
    streams = [Watching(gateway, f"00nolist{number}").until("RUNNING") for number in range(3)]
    for number in range(3):
        aws.put(f"00nolist{number}", "SUCCESS")
    assert [stream.until("RUNNING", "SUCCESS").ended().refused for stream in streams] == [None] * 3


def test_a_run_that_is_in_no_list(aws: ScriptedAws, gateway: Gateway) -> None:
    """What is on no page has not ended for that: AWS is asked for the run itself."""
    for number in range(3):
        aws.put(f"00unlisted{number}", "RUNNING")
        aws.unlisted.add(f"00unlisted{number}")
    streams = [Watching(gateway, f"00unlisted{number}").until("RUNNING") for number in range(3)]
    time.sleep(2.5)
    assert [stream.states for stream in streams] == [["RUNNING"]] * 3
    for number in range(3):
        aws.put(f"00unlisted{number}", "FAILED")
    assert [stream.until("RUNNING", "FAILED").ended().refused for stream in streams] == [None] * 3


def test_a_run_that_aws_forgets_for_a_moment(aws: ScriptedAws, gateway: Gateway) -> None:
    """A 404 in between is no verdict."""
    aws.put("00forgotten", "RUNNING")
    watching = Watching(gateway, "00forgotten").until("RUNNING")
    kept = aws.runs.pop((APPLICATION, "00forgotten"))
    time.sleep(2.5)
    assert watching.is_open
    aws.runs[APPLICATION, "00forgotten"] = kept
    aws.put("00forgotten", "SUCCESS")
    assert watching.until("RUNNING", "SUCCESS").ended().refused is None


def test_drain(aws: ScriptedAws, serve: Serve) -> None:
    """SIGTERM ends every stream with DRAINING within moments, and the process with 0, though AWS hangs."""
    gateway = serve(aws.url, sections=sections(aws))
    aws.put("00drain", "RUNNING")
    streams = [Watching(gateway, "00drain").until("RUNNING") for _ in range(20)]
    aws.seconds = 30
    time.sleep(1.5)
    began = time.monotonic()
    gateway.signal(signal.SIGTERM)
    for stream in streams:
        told = stream.ended().refused
        assert told is not None
        assert (told.code, told.reason) == ("UNAVAILABLE", "DRAINING")
    assert gateway.wait().code == 0
    assert time.monotonic() - began < 10


def test_a_policy_that_allows_it_no_more(aws: ScriptedAws, serve: Serve, tmp_path: Path) -> None:
    """A reload that takes the grant away ends the stream as if the run were not there; another reload ends none."""
    gateway = serve(aws.url, sections=sections(aws))
    policy = next(tmp_path.glob("**/policy/policy.yaml"))
    aws.put("00policy", "RUNNING")
    watching = Watching(gateway, "00policy").until("RUNNING")
    policy.write_text(ALLOW_ALL + "# the same\n", encoding="utf-8")
    time.sleep(3)
    assert watching.is_open
    policy.write_text(_NO_WATCH, encoding="utf-8")
    told = watching.ended().refused
    assert told is not None
    assert (told.code, told.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert watching.states == ["RUNNING"]
    assert refused(lambda: list(gateway.jobs.WatchJobRun(_request("00policy"), timeout=10))).reason == "NOT_FOUND"


def test_as_many_as_the_limit_says(aws: ScriptedAws, serve: Serve) -> None:
    """One stream too many is told when to come back; the gauge says how many there are, and places are given back."""
    gateway = serve(aws.url, sections={**sections(aws, max_watch_streams=2), "metrics": "127.0.0.1:0"})
    probes = gateway.metrics
    aws.put("00many", "RUNNING")
    streams = [Watching(gateway, "00many").until("RUNNING") for _ in range(2)]
    assert "emr_gateway_watch_streams 2.0" in fetched(probes, "/metrics")[2]
    told = refused(lambda: list(gateway.jobs.WatchJobRun(_request("00many"), timeout=10)))
    assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "THROTTLED")
    assert told.pushback is not None
    assert "RetryInfo" in told.details
    streams[0].cancel()
    eventually(lambda: "emr_gateway_watch_streams 1.0" in fetched(probes, "/metrics")[2])
    Watching(gateway, "00many").until("RUNNING").cancel()


def test_the_callers_own_deadline(aws: ScriptedAws, serve: Serve) -> None:
    """`max_deadline_seconds` is not a stream's; the caller's own is, and its place is free afterwards."""
    limits = {"max_deadline_seconds": 1, "max_watch_streams": 1}
    gateway = serve(aws.url, sections=sections(aws, **limits))
    aws.put("00deadline", "RUNNING")
    watching = Watching(gateway, "00deadline", timeout=4).until("RUNNING")
    time.sleep(2.5)
    assert watching.is_open
    told = watching.ended().refused
    assert told is not None
    assert told.code == "DEADLINE_EXCEEDED"
    aws.put("00deadline", "SUCCESS")
    eventually(lambda: Watching(gateway, "00deadline").ended().states == ["SUCCESS"])


def test_nobody_watches_nobody_asks(aws: ScriptedAws, gateway: Gateway) -> None:
    """When the last watcher has gone, AWS is asked no more."""
    aws.put("00quiet", "RUNNING")
    watching = Watching(gateway, "00quiet").until("RUNNING")
    watching.cancel()
    watching.ended()
    time.sleep(1)
    before = len(aws.calls)
    time.sleep(2.5)
    assert len(aws.calls) == before


def _request(run: str) -> pb.WatchJobRunRequest:
    return pb.WatchJobRunRequest(application_id=APPLICATION, job_run_id=run)
