"""The real gateway as its operators run it: a process, a configuration file, a policy directory."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway.v1 import policy_service_pb2 as policy_pb
from emrgateway.v1 import policy_service_pb2_grpc as policy_pb_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SERVE = (sys.executable, "-m", "emrgateway_server")
ACCOUNT = "123456789012"
REGION = "us-east-1"
CALLER = "spiffe://local/ns/data-eng/sa/etl"
ALLOW_ALL = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: everything}
grants:
  - {actions: [start, get, list, cancel, watch], applications: ["**"], roles: ["**"], runs: own}
"""
# Far above what any step takes: it ends a test that would hang, and is never waited out.
PATIENCE_SECONDS = 30
# What the surroundings may have set and a gateway would obey.
_OBEYED = ("AWS_", "EMR_GATEWAY_", "OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GRPC_")

Metadata: TypeAlias = "tuple[tuple[str, str], ...]"


@dataclass(frozen=True)
class Ended:
    """How a gateway ended: its exit code and all that it wrote."""

    code: int
    stdout: str
    stderr: str


class Gateway:
    """A gateway that serves, and a channel to it."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._stderr = folder / "stderr"
        self._lines: queue.Queue[str] = queue.Queue()
        self._stdout: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._channel: grpc.Channel | None = None
        self.pid = process.pid
        self.target = self._announced("listening on ")

    @property
    def token_target(self) -> str:
        """HOST:PORT of the port for tokens, where there are two; announced after the first one, and asked for once."""
        return self._announced("listening (token) on ")

    @property
    def metrics(self) -> str:
        """HOST:PORT of the HTTP port; announced after the gRPC one."""
        return self._announced("metrics on ")

    @property
    def channel(self) -> grpc.Channel:
        """One channel that retries nothing: what the server said is what a test sees."""
        if self._channel is None:
            options = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))
            self._channel = grpc.insecure_channel(self.target, options)
        return self._channel

    @property
    def jobs(self) -> pb_grpc.JobRunServiceStub:
        """The service's stub."""
        return pb_grpc.JobRunServiceStub(self.channel)

    @property
    def health(self) -> Any:  # noqa: ANN401 - the stub's methods have no types
        """Health's stub."""
        return health_pb2_grpc.HealthStub(self.channel)

    def is_serving(self, service: str = "") -> bool:
        """What health says right now."""
        request = health_pb2.HealthCheckRequest(service=service)
        reply = self.health.Check(request, timeout=PATIENCE_SECONDS, wait_for_ready=True)
        return bool(reply.status == health_pb2.HealthCheckResponse.SERVING)

    def start(
        self,
        request: pb.StartJobRunRequest,
        *,
        timeout: float | None = PATIENCE_SECONDS,
        metadata: Metadata = (),
    ) -> pb.StartJobRunResponse:
        """Submit once."""
        return self.jobs.StartJobRun(request, timeout=timeout, metadata=metadata)

    def get(self, application_id: str, job_run_id: str, timeout: float = PATIENCE_SECONDS) -> pb.GetJobRunResponse:
        """Ask for a job run once."""
        request = pb.GetJobRunRequest(application_id=application_id, job_run_id=job_run_id)
        return self.jobs.GetJobRun(request, timeout=timeout)

    def describe(self, application_id: str = "", timeout: float = PATIENCE_SECONDS) -> policy_pb.DescribePolicyResponse:
        """Ask once what policy says."""
        request = policy_pb.DescribePolicyRequest(application_id=application_id)
        return policy_pb_grpc.PolicyServiceStub(self.channel).DescribePolicy(request, timeout=timeout)

    def send(
        self,
        data: bytes,
        method: str = "StartJobRun",
        service: str = "JobRunService",
        timeout: float = PATIENCE_SECONDS,
    ) -> bytes:
        """Send bytes that no stub would make."""
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(
            f"/emrgateway.v1.{service}/{method}", request_serializer=None, response_deserializer=None
        )
        return call(data, timeout=timeout)

    def log(self) -> str:
        """What it has written to standard error so far."""
        return self._stderr.read_text(encoding="utf-8")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self._process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return Ended(code, "".join(self._stdout), self._stderr.read_text(encoding="utf-8"))

    def stop(self) -> Ended:
        """SIGTERM, unless it has ended, and wait for its end."""
        if self._channel is not None:
            self._channel.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self.wait()
        finally:
            self._process.kill()

    def _announced(self, words: str) -> str:
        try:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            line = ""
        if not line.startswith(words):
            self._process.kill()
            raise RuntimeError(f"no {words!r} but {line!r}: {self._stderr.read_text(encoding='utf-8')}")
        return line.removeprefix(words).rstrip()

    def _read(self) -> None:
        with cast("Any", self._process.stdout) as stdout:
            for line in stdout:
                self._stdout.append(line)
                self._lines.put(line)
        self._lines.put("")


def configuration(endpoint: str, **sections: object) -> dict[str, Any]:
    """`gateway.yaml` for one endpoint, every application of it; `sections` replace whole sections."""
    target = {"name": "default", "account": ACCOUNT, "region": REGION, "endpoint_url": endpoint}
    settings: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "metrics": None,
        "identity": {"insecure": {"caller": CALLER}},
        "policy": {"directory": "policy"},
        "targets": [target],
        "limits": {"drain_pause_seconds": 0},
    }
    return {**settings, **sections}


def surroundings(**variables: str) -> dict[str, str]:
    """This process's environment less what a gateway obeys, with credentials and `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OBEYED)}
    credentials = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {**kept, **credentials, "AWS_EC2_METADATA_DISABLED": "true", **variables}


def written(folder: Path, settings: Mapping[str, object] | str, policies: Mapping[str, str] | str) -> Path:
    """Write a configuration (JSON is YAML too) and the policy directory beside it; the configuration's path."""
    (folder / "policy").mkdir(parents=True)
    documents = {"policy.yaml": policies} if isinstance(policies, str) else policies
    for name, text in documents.items():
        (folder / "policy" / name).write_text(text, encoding="utf-8")
    file = folder / "gateway.yaml"
    file.write_text(settings if isinstance(settings, str) else json.dumps(settings), encoding="utf-8")
    return file


@contextlib.contextmanager
def serving(
    folder: Path,
    settings: Mapping[str, object],
    policies: Mapping[str, str] | str = ALLOW_ALL,
    *,
    log_level: str = "INFO",
    environment: Mapping[str, str] | None = None,
    command: Sequence[str] = SERVE,
) -> Iterator[Gateway]:
    """A gateway that listens; it is stopped on the way out, if a test has not."""
    file = written(folder, settings, policies)
    with (folder / "stderr").open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*command, "serve", "--config", str(file), "--log-level", log_level],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=surroundings(**(environment or {})),
        )
    gateway = Gateway(process, folder)
    try:
        if "tls" not in settings:
            # "listening on" comes before the handlers of signals: one answer later they are in place.
            gateway.is_serving()
        yield gateway
    finally:
        gateway.stop()


def refused_to_start(file: Path, **environment: str) -> Ended:
    """Run a gateway that must not start."""
    done = subprocess.run(
        [*SERVE, "serve", "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_SECONDS,
        env=surroundings(**environment),
    )
    return Ended(done.returncode, done.stdout, done.stderr)
