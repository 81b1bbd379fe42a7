"""`job watch` and `job start --watch` as processes: what they print on a terminal and in a log, and how they exit."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb

from .gateway import Refusal, refusal
from .test_cli import _REQUEST, _command, _run

if TYPE_CHECKING:
    from pathlib import Path

    from .gateway import Gateway

_START = 1_700_000_000


def _told(state: str, after: int, **members: object) -> pb.WatchJobRunResponse:
    run = job_run_pb2.JobRun(
        job_run_id="r",
        application_id="a",
        state=f"JOB_RUN_STATE_{state}",  # type: ignore[arg-type] # a name is taken too
        state_details=f"details of {state}",
        **members,  # type: ignore[arg-type] # as a test says
    )
    run.created_at.FromSeconds(_START)
    run.updated_at.FromSeconds(_START + after)
    return pb.WatchJobRunResponse(job_run=run, resume_token=f"{state}{after}")


def _used() -> job_run_pb2.TotalResourceUtilization:
    return job_run_pb2.TotalResourceUtilization(v_cpu_hour=1.5, memory_gb_hour=6, storage_gb_hour=0)


@pytest.mark.parametrize(("end", "code"), [("SUCCESS", 0), ("FAILED", 4), ("CANCELLED", 5)])
def test_a_line_a_state(end: str, code: int, gateway: Gateway) -> None:
    """Without a terminal: the states, elapsed and queued time, what it used; and the end is the exit code."""
    gateway.streams.append(
        [_told("QUEUED", 1), _told("RUNNING", 31), _told(end, 95, total_resource_utilization=_used(), attempt=2)]
    )
    done = _run("watch", "a", "r", "--target", gateway.target)
    assert (done.returncode, done.stderr) == (code, "")
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("QUEUED  elapsed ")
    assert "queued 30s" in lines[1]
    assert lines[2].startswith(f"{end}  elapsed 1m35s  queued 30s  attempt 2  used 1.5 vCPU-h, 6 GB-h, 0 GB-h disk")
    assert lines[2].endswith(f"details of {end}")


def test_json_lines(gateway: Gateway) -> None:
    """With `-o json` each change is a line of proto JSON, also where a stream is cut in between."""
    gateway.streams.extend(
        [[_told("RUNNING", 1), Refusal(grpc.StatusCode.UNAVAILABLE)], [_told("CANCELLING", 2), _told("CANCELLED", 3)]]
    )
    done = _run("watch", "a", "r", "--target", gateway.target, "-o", "json")
    assert (done.returncode, done.stderr) == (5, "")
    states = [json.loads(line)["jobRun"]["state"] for line in done.stdout.splitlines()]
    assert states == [f"JOB_RUN_STATE_{state}" for state in ("RUNNING", "CANCELLING", "CANCELLED")]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND"), 1),
        (refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"), 1),
        (refusal(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNREACHABLE", pushback=-1), 3),
    ],
)
def test_no_verdict(said: Refusal, code: int, gateway: Gateway) -> None:
    """A failure of the watch is told apart from one of the job."""
    gateway.always = said
    done = _run("watch", "a", "r", "--target", gateway.target, "--timeout", "3", "-o", "json")
    assert (done.returncode, done.stdout) == (code, "")
    assert json.loads(done.stderr)["code"] == said.code.name


def test_start_and_watch(gateway: Gateway, tmp_path: Path) -> None:
    """The reply, then the watch of the run that was started; a line a message as JSON; the end is the exit code."""
    file = tmp_path / "job.yaml"
    file.write_text(_REQUEST, encoding="utf-8")
    reply = pb.StartJobRunResponse(application_id="a", job_run_id="r")
    for output in ("text", "json"):
        gateway.script.append(reply)
        gateway.streams.append([_told("RUNNING", 1), _told("FAILED", 2)])
        done = _run("start", "-f", str(file), "--target", gateway.target, "--watch", "-o", output)
        assert (done.returncode, done.stderr) == (4, "")
        lines = done.stdout.splitlines()
        assert len(lines) == 3
        if output == "json":
            assert json.loads(lines[0])["jobRunId"] == "r"
            assert json.loads(lines[2])["jobRun"]["state"] == "JOB_RUN_STATE_FAILED"
        watched = gateway.calls[-1][0]
        assert isinstance(watched, pb.WatchJobRunRequest)
        assert (watched.application_id, watched.job_run_id) == ("a", "r")


def test_an_interrupt_leaves_the_job_alone(gateway: Gateway) -> None:
    """Ctrl-C says that the job goes on, and how to follow it again."""
    gateway.streams.append([_told("RUNNING", 1), Refusal(hold=True)])
    process = subprocess.Popen(
        _command("watch", "a", "r", "--target", gateway.target),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("RUNNING")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert stderr == "interrupted: the job run goes on; to follow it again: emr-gateway job watch a r\n"
    assert not [request for request, _ in gateway.calls if isinstance(request, pb.CancelJobRunRequest)]


def test_a_line_that_moves(gateway: Gateway) -> None:
    """On a terminal the state's line is written over each second, and what stays is a line a state."""
    gateway.streams.append([_told("RUNNING", 1), Refusal(hold=True)])
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "120"}
    with subprocess.Popen(
        _command("watch", "a", "r", "--target", gateway.target), stdout=slave, stderr=slave, env=environment
    ) as process:
        os.close(slave)
        shown, until = b"", time.monotonic() + 30
        while shown.count(b"\r\x1b[2KRUNNING  elapsed") < 2 and time.monotonic() < until:
            shown += os.read(master, 4_096)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    os.close(master)
    assert re.search(rb"RUNNING  elapsed [0-9hms]+\r\n", shown), "no line that stays"
    assert shown.count(b"\r\x1b[2KRUNNING  elapsed") >= 2
