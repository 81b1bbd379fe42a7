"""What the service config makes gRPC do, on a real channel. A config that gRPC ignores fails every test here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
import pytest

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import Client, GatewayError, Throttled, Unavailable

from .gateway import Refusal, later, refusal, running

if TYPE_CHECKING:
    from .gateway import Gateway


def test_two_failures_then_success_is_one_submission(gateway: Gateway) -> None:
    """UNAVAILABLE twice, then OK: the caller sees OK, and all three attempts carry one token, which the client made."""
    gateway.script.extend([Refusal(), Refusal()])
    request = pb.StartJobRunRequest(application_id="a")
    with Client(gateway.target) as client:
        assert client.start_job_run(request).job_run_id == "run-1"
    assert len(gateway.tokens) == 3
    assert len(set(gateway.tokens)) == 1
    assert len(gateway.tokens[0]) == 36
    assert not request.client_token


def test_a_request_used_twice_is_two_submissions(gateway: Gateway) -> None:
    """The token goes into a copy, so that the caller's message does not tie two submissions together."""
    request = pb.StartJobRunRequest(application_id="a")
    with Client(gateway.target) as client:
        client.start_job_run(request)
        client.start_job_run(request)
    assert len(set(gateway.tokens)) == 2


def test_the_callers_own_token_is_kept(gateway: Gateway) -> None:
    """A token that the caller set is sent, on every attempt."""
    gateway.script.append(later())
    with Client(gateway.target) as client:
        client.start_job_run(pb.StartJobRunRequest(client_token="mine"))  # noqa: S106 - no password
    assert gateway.tokens == ["mine", "mine"]


def test_each_service_is_retried(gateway: Gateway) -> None:
    """The config names the services one by one: a method of the second one is tried again too."""
    gateway.script.append(later())
    with Client(gateway.target) as client:
        client.describe_policy()
    assert len(gateway.calls) == 2


def test_five_attempts_are_the_most(gateway: Gateway) -> None:
    """An outage ends after five attempts, with the error, its unknown outcome, and the token to go on with."""
    gateway.always = later()
    with Client(gateway.target) as client, pytest.raises(Unavailable) as caught:
        client.start_job_run(pb.StartJobRunRequest())
    assert len(gateway.calls) == 5
    assert caught.value.outcome == "unknown"
    assert caught.value.client_token == gateway.tokens[0]


def test_pushback_of_minus_one_stops_retries(gateway: Gateway) -> None:
    """A quota that waiting does not mend is tried once: `grpc-retry-pushback-ms: -1` is obeyed."""
    gateway.always = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA", pushback=-1)
    with Client(gateway.target) as client, pytest.raises(GatewayError):
        client.start_job_run(pb.StartJobRunRequest())
    assert len(gateway.calls) == 1


def test_pushback_is_waited_for(gateway: Gateway) -> None:
    """A throttled call is retried when the gateway said, not when gRPC's own backoff would (0.24 s at most)."""
    gateway.script.append(refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "THROTTLED", pushback=700))
    started = time.monotonic()
    with Client(gateway.target) as client:
        client.start_job_run(pb.StartJobRunRequest())
    assert len(gateway.calls) == 2
    assert time.monotonic() - started >= 0.7


@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED])
def test_a_refusal_is_not_retried(gateway: Gateway, code: grpc.StatusCode) -> None:
    """What another attempt cannot mend is tried once, pushback or not."""
    gateway.always = Refusal(code, trailers=(("grpc-retry-pushback-ms", "1"),))
    with Client(gateway.target) as client, pytest.raises(GatewayError):
        client.start_job_run(pb.StartJobRunRequest())
    assert len(gateway.calls) == 1


def test_an_outage_is_not_answered_with_five_times_the_load(gateway: Gateway) -> None:
    """Retry throttling: 30 calls against a dead gateway make far fewer than 150 attempts."""
    gateway.always = later()
    with Client(gateway.target) as client:
        for _ in range(30):
            with pytest.raises(Unavailable):
                client.get_job_run("a", "r")
    assert 30 < len(gateway.calls) <= 45


def test_retries_end_with_the_deadline(gateway: Gateway) -> None:
    """Attempts and the waits between them fit into the one deadline of the call."""
    gateway.always = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "THROTTLED", pushback=60_000)
    started = time.monotonic()
    with Client(gateway.target) as client, pytest.raises(GatewayError) as caught:
        client.start_job_run(pb.StartJobRunRequest(), timeout=0.5)
    assert time.monotonic() - started < 5
    assert not isinstance(caught.value, Throttled)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_draining_server_is_left_for_its_neighbour() -> None:
    """Round robin uses both servers; once one says NOT_SERVING, no call goes there, though it still answers."""
    with running() as leaving, running() as staying:
        target = f"ipv4:{leaving.target},{staying.target}"
        with Client(target) as client:
            _until_both_are_used(client, leaving, staying)
            leaving.health.enter_graceful_shutdown()
            time.sleep(0.5)
            before = len(leaving.calls)
            for _ in range(20):
                client.get_job_run("a", "r")
    assert len(leaving.calls) == before
    assert len(staying.calls) >= 20


def _until_both_are_used(client: Client, *gateways: Gateway) -> None:
    deadline = time.monotonic() + 10
    while not all(gateway.calls for gateway in gateways):
        assert time.monotonic() < deadline
        client.get_job_run("a", "r")
