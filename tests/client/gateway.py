"""A real gRPC server on loopback that answers from a script, for what the real gateway cannot be asked to do."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections import deque
from concurrent import futures
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2_grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway.v1 import policy_service_pb2 as policy_pb
from emrgateway.v1 import policy_service_pb2_grpc as policy_pb_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from google.protobuf.message import Message

Context: TypeAlias = grpc.ServicerContext


@dataclass(frozen=True)
class Refusal:
    """A failed call: its code, its text, its trailers; `hold` keeps the caller waiting until the server stops."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    message: str = "scripted"
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    hold: bool = False


@dataclass
class Gateway(pb_grpc.JobRunServiceServicer, policy_pb_grpc.PolicyServiceServicer):
    """Answers each call with the next of `script`, then with `always`, then with an empty reply.

    A watch is answered with the next of `streams`, message by message; with none, as the other calls are.
    """

    script: deque[Refusal | Message] = field(default_factory=deque)
    streams: deque[list[Refusal | pb.WatchJobRunResponse]] = field(default_factory=deque)
    always: Refusal | None = None
    calls: list[tuple[Message, dict[str, str]]] = field(default_factory=list)
    health: health.HealthServicer = field(default_factory=health.HealthServicer)
    called: threading.Event = field(default_factory=threading.Event)
    stopping: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    @property
    def tokens(self) -> list[str]:
        """The client tokens of the calls so far."""
        return [request.client_token for request, _ in self.calls if isinstance(request, pb.StartJobRunRequest)]

    def _answer(self, request: Message, context: Context, reply: Any) -> Any:  # noqa: ANN401 - each method has its own
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        self.calls.append((request, metadata))
        self.called.set()
        answer = self.script.popleft() if self.script else self.always
        if not isinstance(answer, Refusal):
            return answer or reply
        if answer.hold:
            self.stopping.wait(30)
        context.set_trailing_metadata(answer.trailers)
        return context.abort(answer.code, answer.message)

    def StartJobRun(self, request: pb.StartJobRunRequest, context: Context) -> pb.StartJobRunResponse:  # noqa: N802, D102 - gRPC's
        return self._answer(request, context, pb.StartJobRunResponse(job_run_id="run-1"))  # type: ignore[no-any-return]

    def GetJobRun(self, request: pb.GetJobRunRequest, context: Context) -> pb.GetJobRunResponse:  # noqa: N802, D102 - gRPC's
        return self._answer(request, context, pb.GetJobRunResponse())  # type: ignore[no-any-return]

    def ListJobRuns(self, request: pb.ListJobRunsRequest, context: Context) -> pb.ListJobRunsResponse:  # noqa: N802, D102 - gRPC's
        return self._answer(request, context, pb.ListJobRunsResponse())  # type: ignore[no-any-return]

    def CancelJobRun(self, request: pb.CancelJobRunRequest, context: Context) -> pb.CancelJobRunResponse:  # noqa: N802, D102 - gRPC's
        return self._answer(request, context, pb.CancelJobRunResponse())  # type: ignore[no-any-return]

    def ListJobRunAttempts(  # noqa: N802, D102 - gRPC's
        self, request: pb.ListJobRunAttemptsRequest, context: Context
    ) -> pb.ListJobRunAttemptsResponse:
        return self._answer(request, context, pb.ListJobRunAttemptsResponse())  # type: ignore[no-any-return]

    def GetDashboardForJobRun(  # noqa: N802, D102 - gRPC's
        self, request: pb.GetDashboardForJobRunRequest, context: Context
    ) -> pb.GetDashboardForJobRunResponse:
        return self._answer(request, context, pb.GetDashboardForJobRunResponse())  # type: ignore[no-any-return]

    def WatchJobRun(  # noqa: N802, D102 - gRPC's
        self, request: pb.WatchJobRunRequest, context: Context
    ) -> Iterator[pb.WatchJobRunResponse]:
        if self.streams:
            self.script.appendleft(pb.WatchJobRunResponse())
        reply = self._answer(request, context, pb.WatchJobRunResponse())
        for message in self.streams.popleft() if self.streams else [reply]:
            if isinstance(message, Refusal):
                if message.hold:
                    self.stopping.wait(30)
                context.set_trailing_metadata(message.trailers)
                context.abort(message.code, message.message)
            else:
                yield message

    def DescribePolicy(  # noqa: N802, D102 - gRPC's
        self, request: policy_pb.DescribePolicyRequest, context: Context
    ) -> policy_pb.DescribePolicyResponse:
        return self._answer(request, context, policy_pb.DescribePolicyResponse())  # type: ignore[no-any-return]


@contextlib.contextmanager
def running(credentials: grpc.ServerCredentials | None = None) -> Iterator[Gateway]:
    """A gateway that listens on a free port of loopback, with TLS where credentials are given."""
    gateway = Gateway()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=(("grpc.so_reuseport", 0),))
    pb_grpc.add_JobRunServiceServicer_to_server(gateway, server)
    policy_pb_grpc.add_PolicyServiceServicer_to_server(gateway, server)
    health_pb2_grpc.add_HealthServicer_to_server(gateway.health, server)
    if credentials is None:
        gateway.port = server.add_insecure_port("127.0.0.1:0")
    else:
        gateway.port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield gateway
    finally:
        gateway.stopping.set()
        gateway.health.enter_graceful_shutdown()
        server.stop(grace=None).wait(10)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own root, and its key."""
    cert, key = folder / "tls.crt", folder / "tls.key"
    make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=gateway"]
    name = ["-addext", "subjectAltName=IP:127.0.0.1"]
    openssl = shutil.which("openssl") or "openssl"
    subprocess.run([openssl, *make, *name, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def refusal(
    code: grpc.StatusCode,
    reason: str,
    *details: Message,
    message: str = "scripted",
    metadata: dict[str, str] | None = None,
    pushback: int | None = None,
) -> Refusal:
    """What the gateway answers by its contract: a `google.rpc.Status` with ErrorInfo and `details`."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="emrgateway", metadata=metadata or {})
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in (info, *details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if pushback is not None:
        trailers.append(("grpc-retry-pushback-ms", str(pushback)))
    return Refusal(code, message, tuple(trailers))


def later(milliseconds: int = 1) -> Refusal:
    """UNAVAILABLE with pushback, so that a test need not wait for gRPC's own backoff."""
    return Refusal(trailers=(("grpc-retry-pushback-ms", str(milliseconds)),))
