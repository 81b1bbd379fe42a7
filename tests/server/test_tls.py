"""TLS: the server's certificate, and the client that trusts it and no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc
from emrgateway_client import Client

from .certificates import self_signed
from .gateways import PATIENCE_SECONDS
from .jobs import APPLICATION, job
from .statuses import refused

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve


def test_a_job_over_tls(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """With the right root the client submits and reads; with another root, or in plaintext, it reaches nobody."""
    files, others = self_signed(tmp_path / "tls"), self_signed(tmp_path / "other")
    gateway = serve(sandbox.url, sections={"tls": files})
    with Client(gateway.target, ca=files["certificate"]) as client:
        run = client.start_job_run(job()).job_run_id
        assert client.get_job_run(APPLICATION, run).job_run.job_run_id == run
    options = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0))
    other_root = grpc.ssl_channel_credentials(Path(others["certificate"]).read_bytes())
    for channel in (
        grpc.secure_channel(gateway.target, other_root, options),
        grpc.insecure_channel(gateway.target, options),
    ):
        with channel:
            stub = pb_grpc.JobRunServiceStub(channel)
            assert refused(lambda stub=stub: stub.StartJobRun(job(), timeout=PATIENCE_SECONDS)).code == "UNAVAILABLE"  # type: ignore[misc] # a default argument
