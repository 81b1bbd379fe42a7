"""Two callers at one gateway, each by a token of its own: what one has learnt tells the other nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway_sandbox import Sandbox
from tests.identity.doors import issuer, open_doors
from tests.identity.tokens import SigningKey, claims, token

from .gateways import ACCOUNT, PATIENCE_SECONDS, REGION
from .jobs import APPLICATION, job
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

_KEY = SigningKey("key", "EC")
_OPERATIONS = ("StartJobRun", "GetJobRun", "ListJobRuns", "CancelJobRun", "ListJobRunAttempts", "GetDashboardForJobRun")


class _Caller:
    """One caller's calls."""

    def __init__(self, channel: grpc.Channel, name: str) -> None:
        self._stub = pb_grpc.JobRunServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token(_KEY, claims(sub=name))}"),)

    def __call__(self, method: str, request: Message) -> Any:  # noqa: ANN401 - a reply of any method
        return getattr(self._stub, method)(request, timeout=PATIENCE_SECONDS, metadata=self._metadata)


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """A sandbox whose calls nobody else makes."""
    with Sandbox(seconds_per_state=3600) as running:
        yield running


@pytest.fixture(scope="module")
def channel(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    """To the token port of a gateway that shows everyone their own."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "jwks.json").write_text(json.dumps({"keys": [_KEY.jwk]}), encoding="utf-8")
    rates = {name: {"per_second": 1_000, "burst": 1_000} for name in _OPERATIONS}
    target = {"name": "default", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url, "rates": rates}
    known = [issuer(jwks_file=str(folder / "jwks.json"))]
    with open_doors(folder / "doors", known, targets=[target]) as doors, doors.channel() as opened:
        yield opened


def test_each_sees_and_stops_their_own(aws: Sandbox, channel: grpc.Channel) -> None:
    """The owner does it all; for the other, who asks right after, nothing is there, each time after one GetJobRun."""
    etl, other = _Caller(channel, "etl"), _Caller(channel, "other")
    run = etl("StartJobRun", job()).job_run_id
    named: dict[str, Any] = {"application_id": APPLICATION, "job_run_id": run}
    questions: dict[str, Message] = {
        "GetJobRun": pb.GetJobRunRequest(**named),
        "ListJobRunAttempts": pb.ListJobRunAttemptsRequest(**named),
        "GetDashboardForJobRun": pb.GetDashboardForJobRunRequest(**named),
        "CancelJobRun": pb.CancelJobRunRequest(**named),
    }
    for method, request in questions.items():
        etl(method, request)
        before = aws.calls
        told = refused(lambda method=method, request=request: other(method, request))  # type: ignore[misc] # default arguments
        assert (told.code, told.reason) == ("NOT_FOUND", "NOT_FOUND")
        assert {name: n for name, n in aws.calls.items() if n != before.get(name)} == {
            "GetJobRun": before.get("GetJobRun", 0) + 1
        }


def test_each_lists_their_own(channel: grpc.Channel) -> None:
    """Of runs that two have started in turn, each gets theirs, page by page; neither takes the other's page token."""
    etl, other = _Caller(channel, "etl"), _Caller(channel, "other")
    application = "00twocallers"
    started: dict[_Caller, list[str]] = {etl: [], other: []}
    for _ in range(4):
        for caller, runs in started.items():
            runs.append(caller("StartJobRun", job(applicationId=application)).job_run_id)
    tokens = []
    for caller, runs in started.items():
        first = caller("ListJobRuns", pb.ListJobRunsRequest(application_id=application, max_results=3))
        rest = pb.ListJobRunsRequest(application_id=application, next_token=first.next_token)
        assert [run.id for page in (first, caller("ListJobRuns", rest)) for run in page.job_runs] == runs[::-1]
        tokens.append(first.next_token)
    theirs = pb.ListJobRunsRequest(application_id=application, next_token=tokens[1])
    assert refused(lambda: etl("ListJobRuns", theirs)).fields == ["next_token"]
