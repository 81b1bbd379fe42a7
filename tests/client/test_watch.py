"""A watch goes on through whatever cuts its streams, tells nothing twice, and ends with the end that it was told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    GatewayError,
    Internal,
    InvalidRequest,
    NotFound,
    Unauthenticated,
    Unavailable,
    UpstreamAccessDenied,
    _watch,
)

from .gateway import Refusal, refusal

if TYPE_CHECKING:
    from .gateway import Gateway


class Watched(Protocol):
    """Watches to the end; `seen` gets the tokens that came."""

    def __call__(
        self,
        gateway: Gateway,
        seen: list[str],
        *,
        token: str | None = None,
        timeout: float | None = None,
        patience: float = 60.0,
    ) -> None:
        """Watch."""


def _blocking(
    gateway: Gateway, seen: list[str], *, token: str | None = None, timeout: float | None = None, patience: float = 60.0
) -> None:
    with Client(gateway.target, timeout_seconds=patience) as client:
        for message in client.watch_job_run("a", "r", token, timeout=timeout):
            seen.append(message.resume_token)  # noqa: PERF401 - what came before an error is kept


def _in_a_loop(
    gateway: Gateway, seen: list[str], *, token: str | None = None, timeout: float | None = None, patience: float = 60.0
) -> None:
    async def watch() -> None:
        async with AsyncClient(gateway.target, timeout_seconds=patience) as client:
            async for message in client.watch_job_run("a", "r", token, timeout=timeout):
                seen.append(message.resume_token)  # noqa: PERF401 - as above

    asyncio.run(watch())


@pytest.fixture(params=[_blocking, _in_a_loop], ids=["threads", "asyncio"])
def watched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Watch with either client, with pauses too short to wait for."""
    monkeypatch.setattr(_watch, "_FIRST_PAUSE_SECONDS", 0.02)
    made: Watched = request.param
    return made


def _told(token: str, state: str = "RUNNING", attempt: int = 1) -> pb.WatchJobRunResponse:
    run = job_run_pb2.JobRun(state=f"JOB_RUN_STATE_{state}", attempt=attempt)  # type: ignore[arg-type] # a name is taken too
    return pb.WatchJobRunResponse(job_run=run, resume_token=token)


def _asked(gateway: Gateway) -> list[str | None]:
    """The token that each stream began with."""
    requests = [request for request, _ in gateway.calls if isinstance(request, pb.WatchJobRunRequest)]
    return [request.resume_token if request.HasField("resume_token") else None for request in requests]


_CODE = grpc.StatusCode
_CUTS = [
    Refusal(_CODE.UNAVAILABLE),
    Refusal(_CODE.CANCELLED),
    Refusal(_CODE.RESOURCE_EXHAUSTED),
    Refusal(_CODE.INTERNAL, "Received RST_STREAM with error code 2"),
    Refusal(_CODE.UNKNOWN, "Stream removed"),
    Refusal(_CODE.DEADLINE_EXCEEDED),
    refusal(_CODE.UNAVAILABLE, "DRAINING"),
    refusal(_CODE.RESOURCE_EXHAUSTED, "THROTTLED"),
    refusal(_CODE.FAILED_PRECONDITION, "UPSTREAM_ACCESS_DENIED"),
]


@pytest.mark.parametrize("cut", _CUTS, ids=lambda cut: f"{cut.code.name} {cut.message}"[:30])
def test_a_stream_that_is_cut(cut: Refusal, gateway: Gateway, watched: Watched) -> None:
    """The next one begins with the last token, what was told is not told again, and the end ends it."""
    gateway.streams.extend(
        [[_told("1", "PENDING"), _told("2"), cut], [cut], [_told("2b"), _told("3", "SUCCESS"), _told("4", "FAILED")]]
    )
    seen: list[str] = []
    watched(gateway, seen)
    assert seen == ["1", "2", "3"]
    asked = _asked(gateway)
    assert (asked[0], asked[1], asked[-1]) == (None, "2", "2")


def test_a_stream_that_ends_without_an_end(gateway: Gateway, watched: Watched) -> None:
    """OK before an end is no end: neither CANCELLING nor a state to come is taken for one."""
    gateway.streams.extend(
        [
            [_told("1", "CANCELLING")],
            [_told("2", "UNSPECIFIED")],
            [_told("3", "UNSPECIFIED")],
            [_told("4", "CANCELLED")],
        ]
    )
    seen: list[str] = []
    watched(gateway, seen)
    assert seen == ["1", "2", "3", "4"]


_WORDS = [
    (_CODE.NOT_FOUND, "NOT_FOUND", NotFound),
    (_CODE.UNAUTHENTICATED, "UNAUTHENTICATED", Unauthenticated),
    (_CODE.INVALID_ARGUMENT, "INVALID_REQUEST", InvalidRequest),
    (_CODE.INTERNAL, "INTERNAL", Internal),
]


@pytest.mark.parametrize(("code", "reason", "kind"), _WORDS)
def test_what_waiting_does_not_mend(
    code: grpc.StatusCode, reason: str, kind: type[GatewayError], gateway: Gateway, watched: Watched
) -> None:
    """A word of the gateway's that will not change is raised, and nothing is asked again."""
    gateway.streams.append([_told("1"), refusal(code, reason)])
    seen: list[str] = []
    with pytest.raises(kind):
        watched(gateway, seen)
    assert (seen, len(_asked(gateway))) == (["1"], 1)


def test_the_gateways_time_to_come_back(gateway: Gateway, watched: Watched) -> None:
    """RetryInfo is waited for."""
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=700_000_000))
    gateway.streams.extend(
        [[_told("1"), refusal(_CODE.RESOURCE_EXHAUSTED, "THROTTLED", retry)], [_told("2", "SUCCESS")]]
    )
    began = time.monotonic()
    watched(gateway, [])
    assert time.monotonic() - began >= 0.7


def test_where_no_gateway_is(gateway: Gateway, watched: Watched) -> None:
    """A watch that has never stood is given up as a call is; one that goes on from a token is not."""
    gateway.always = Refusal(trailers=(("grpc-retry-pushback-ms", "1"),))
    with pytest.raises(Unavailable):
        watched(gateway, [], patience=0.5)
    began = time.monotonic()
    with pytest.raises((DeadlineExceeded, Unavailable)):  # by whether it ends while it waits or while it asks
        watched(gateway, [], token="t", timeout=1.5, patience=0.1)  # noqa: S106 - no password
    assert time.monotonic() - began >= 1.4
    gateway.always = refusal(_CODE.FAILED_PRECONDITION, "UPSTREAM_ACCESS_DENIED")
    with pytest.raises(UpstreamAccessDenied):
        watched(gateway, [])


def test_a_timeout_of_ones_own(gateway: Gateway, watched: Watched) -> None:
    """It is for the whole watch, and is told as what it is."""
    gateway.streams.extend([[_told("1"), Refusal(hold=True)]])
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        watched(gateway, [], timeout=0.7)
    assert time.monotonic() - began < 5


def test_a_client_that_is_closed(gateway: Gateway) -> None:
    """Closing it ends a watch that waits for its next stream."""
    retry = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=600))
    gateway.streams.append([_told("1"), refusal(_CODE.RESOURCE_EXHAUSTED, "THROTTLED", retry)])
    client = Client(gateway.target)
    watch = client.watch_job_run("a", "r")
    next(watch)
    client.close()
    with pytest.raises((GatewayError, ValueError)):
        next(watch)
