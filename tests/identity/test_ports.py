"""Two ports of one gateway: what needs no identity is on both, and both drain."""

from __future__ import annotations

import json
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from tests.server.gateways import PATIENCE_SECONDS, configuration, serving
from tests.server.statuses import refused

from .doors import NOWHERE, OPTIONS, Doors, asked, issuer, open_doors
from .tokens import SigningKey, claims, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY = SigningKey("main", "EC")


def _keys(folder: Path) -> dict[str, object]:
    (folder / "jwks.json").write_text(json.dumps({"keys": [_KEY.jwk]}), encoding="utf-8")
    return issuer(jwks_file=str(folder / "jwks.json"))


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    """A gateway of a test's own."""
    with open_doors(tmp_path / "doors", [_keys(tmp_path)]) as running:
        yield running


def test_health_and_reflection_need_no_identity(doors: Doors) -> None:
    """Both ports answer them, to whoever TLS lets in; every method of ours wants to know who calls."""
    pair = doors.authority.workload(["spiffe://elsewhere.example.com/x"])
    for channel in (doors.channel(mtls=True, pair=pair), doors.channel()):
        with channel:
            health: Any = health_pb2_grpc.HealthStub(channel)  # no types
            reply = health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_SECONDS)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
            reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
            asking = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            assert len(next(reflection.ServerReflectionInfo(asking)).list_services_response.service) == 4
            for method in pb.DESCRIPTOR.services_by_name["JobRunService"].methods:
                answer = refused(partial(_ask, channel, method.name, getattr(pb, method.input_type.name)()))
                assert answer.reason == "UNAUTHENTICATED", method.name
                outcome = "not_started" if method.name == "StartJobRun" else None
                assert answer.outcome == outcome


def _ask(channel: grpc.Channel, method: str, request: object) -> None:
    answer = getattr(pb_grpc.JobRunServiceStub(channel), method)(request, timeout=PATIENCE_SECONDS)
    if method == "WatchJobRun":
        list(answer)


def test_both_ports_drain(doors: Doors) -> None:
    """On SIGTERM both refuse, and the gateway exits 0."""
    pair = doors.authority.workload(["spiffe://prod.example.com/a"])
    with doors.channel(mtls=True, pair=pair) as one, doors.channel() as other:
        assert (asked(one), asked(other, token=token(_KEY, claims()))) == ("spiffe://prod.example.com/a", "etl")
        doors.gateway.signal(signal.SIGTERM)
        assert doors.gateway.wait().code == 0
        for channel in (one, other):
            assert refused(lambda channel=channel: asked(channel)).code == "UNAVAILABLE"  # type: ignore[misc] # a default argument


def test_tokens_alone_are_on_the_first_port(tmp_path: Path) -> None:
    """In plaintext too, on loopback; there is no second port."""
    settings = configuration(NOWHERE, identity={"jwt": [_keys(tmp_path)]})
    with serving(tmp_path / "gateway", settings) as gateway:
        with grpc.insecure_channel(gateway.target, OPTIONS) as channel:
            assert asked(channel, token=token(_KEY, claims())) == "etl"
            assert refused(lambda: asked(channel)).code == "UNAUTHENTICATED"
        assert "listening (token)" not in gateway.stop().stdout
