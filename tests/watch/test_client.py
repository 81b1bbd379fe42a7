"""The client library before a real gateway that comes and goes."""

from __future__ import annotations

import signal
import socket
import threading
import time
from typing import TYPE_CHECKING

from emrgateway.v1 import job_run_pb2
from emrgateway_client import Client

from .conftest import sections
from .scripted_aws import APPLICATION
from .watchers import eventually

if TYPE_CHECKING:
    from tests.server.conftest import Serve

    from .scripted_aws import ScriptedAws


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


def test_a_gateway_that_restarts(aws: ScriptedAws, serve: Serve) -> None:
    """Through a drain, a kill and the time without a gateway, the watch goes on: each state once, and the true end."""
    address = f"127.0.0.1:{_free_port()}"
    settings = {**sections(aws), "listen": address}
    aws.put("00restart", "PENDING")
    states: list[str] = []

    def watch() -> None:
        with Client(address) as client:
            for message in client.watch_job_run(APPLICATION, "00restart"):
                states.append(job_run_pb2.JobRunState.Name(message.job_run.state).removeprefix("JOB_RUN_STATE_"))  # noqa: PERF401 - read meanwhile

    first = serve(aws.url, sections=settings)
    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    eventually(lambda: states == ["PENDING"])
    first.stop()
    second = serve(aws.url, sections=settings)
    time.sleep(2)
    aws.put("00restart", "RUNNING")
    eventually(lambda: states == ["PENDING", "RUNNING"])
    second.signal(signal.SIGKILL)
    second.wait()
    aws.put("00restart", "SUCCESS")
    time.sleep(1)
    serve(aws.url, sections=settings)
    watching.join(30)
    assert states == ["PENDING", "RUNNING", "SUCCESS"]


def test_connections_that_grow_old(aws: ScriptedAws, serve: Serve) -> None:
    """A connection's age cuts the stream, and the client takes it up on the next one without a word."""
    age = {"max_connection_age_seconds": 1, "max_deadline_seconds": 1}
    gateway = serve(aws.url, sections=sections(aws, **age))
    aws.put("00aging", "RUNNING")
    with Client(gateway.target) as client:
        watch = client.watch_job_run(APPLICATION, "00aging")
        assert next(watch).job_run.state == job_run_pb2.JOB_RUN_STATE_RUNNING
        threading.Timer(6, lambda: aws.put("00aging", "SUCCESS")).start()
        assert [message.job_run.state for message in watch] == [job_run_pb2.JOB_RUN_STATE_SUCCESS]
    assert aws.count()["GetJobRun"] >= 5
