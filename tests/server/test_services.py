"""What else is served: health, reflection, methods to come, and the HTTP port for the probes."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway.v1 import policy_service_pb2

from .gateways import PATIENCE_SECONDS
from .jobs import job
from .statuses import refused

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_SERVICE = "emrgateway.v1.JobRunService"
_POLICY = "emrgateway.v1.PolicyService"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.mark.parametrize("service", ["", _SERVICE, _POLICY])
def test_health(service: str, open_gateway: Gateway) -> None:
    """Check and Watch, of the server and of each service by its full name."""
    assert open_gateway.is_serving(service)
    watch = open_gateway.health.Watch(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_SECONDS)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


def test_health_of_what_is_not_served(open_gateway: Gateway) -> None:
    """A name that is no service of ours is NOT_FOUND, as the protocol has it."""
    assert refused(lambda: open_gateway.is_serving("JobRunService")).code == "NOT_FOUND"


@pytest.mark.parametrize(
    ("service", "file"),
    [(_SERVICE, pb.DESCRIPTOR), (_POLICY, policy_service_pb2.DESCRIPTOR)],
    ids=["JobRunService", "PolicyService"],
)
def test_reflection(service: str, file: FileDescriptor, open_gateway: Gateway) -> None:
    """The services are listed, and the contract's files are told: grpcurl works without our .proto files."""
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(open_gateway.channel)  # its methods have no types
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol=service),
    ]
    listed, told = stub.ServerReflectionInfo(iter(asked), timeout=PATIENCE_SECONDS)
    names = {service.name for service in listed.list_services_response.service}
    assert names == {_SERVICE, _POLICY, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    described = FileDescriptorProto.FromString(told.file_descriptor_response.file_descriptor_proto[0])
    methods = {method.name for method in described.service[0].method}
    assert methods == {method.name for method in file.services_by_name[service.rpartition(".")[2]].methods}


def test_what_is_no_method(open_gateway: Gateway) -> None:
    """UNIMPLEMENTED, whatever the bytes."""
    for data in (b"", b"\xff"):
        assert refused(lambda data=data: open_gateway.send(data, "NoSuchMethod")).code == "UNIMPLEMENTED"  # type: ignore[misc] # a default argument


def fetched(address: str, path: str) -> tuple[int, str, str]:
    """Status, content type and text of a page."""
    try:
        with _OPENER.open(f"http://{address}{path}", timeout=PATIENCE_SECONDS) as reply:
            return reply.status, reply.headers["Content-Type"], reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_the_http_port(sandbox: Sandbox, serve: Serve) -> None:
    """/livez, /readyz and Prometheus' text at /metrics; a hint elsewhere."""
    gateway = serve(sandbox.url, sections={"metrics": "127.0.0.1:0"})
    address = gateway.metrics
    assert fetched(address, "/livez")[::2] == (200, "ok\n")
    assert fetched(address, "/readyz")[::2] == (200, "ok\n")
    status, content_type, text = fetched(address, "/metrics")
    assert (status, content_type.partition(";")[0]) == (200, "text/plain")
    assert "# TYPE " in text
    assert fetched(address, "/")[0] == 404


def test_a_caller_that_leaves_is_no_trouble(sandbox: Sandbox, serve: Serve) -> None:
    """A channel closed in the middle of calls: nothing is logged as a bug, and the next caller is served."""
    gateway = serve(sandbox.url, log_level="DEBUG")
    for _ in range(5):
        with grpc.insecure_channel(gateway.target, (("grpc.enable_http_proxy", 0),)) as channel:
            grpc.channel_ready_future(channel).result(PATIENCE_SECONDS)
            pb_grpc.JobRunServiceStub(channel).StartJobRun.future(job()).cancel()
    assert gateway.is_serving()
    assert "bug" not in gateway.stop().stderr
