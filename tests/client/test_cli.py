"""The `job` commands as processes: what they print, where, and how they exit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2

from emrgateway.v1 import decision_pb2, job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb

from .gateway import Refusal, later, refusal, self_signed

if TYPE_CHECKING:
    from pathlib import Path

    from .gateway import Gateway

# The composition that the `emr-gateway` command makes.
_MAIN = """
import argparse, sys
from emrgateway_client import cli
parser = argparse.ArgumentParser(prog="emr-gateway")
cli.add_commands(parser.add_subparsers(required=True))
sys.exit(cli.run(parser.parse_args()))
"""
_REQUEST = "applicationId: a\njobDriver: {sparkSubmit: {entryPoint: s3://code/main.py}}\n"
_NOT_STARTED = {"outcome": "not_started"}


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", _MAIN, "job", *arguments]


def _run(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(_command(*arguments), input=text, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    return done


def _decision() -> decision_pb2.Decision:
    return decision_pb2.Decision(
        outcomes=[
            decision_pb2.RuleOutcome(
                rule_id="data-eng/timeout",
                verdict=decision_pb2.VERDICT_CHANGED,
                field="execution_timeout_minutes",
                message="Long jobs go through the streaming team.",
                before="5000",
                after="720",
            ),
            decision_pb2.RuleOutcome(
                rule_id="data-eng/team", verdict=decision_pb2.VERDICT_CHANGED, field="tags.team", after="data-eng"
            ),
            decision_pb2.RuleOutcome(
                rule_id="data-eng/conf", verdict=decision_pb2.VERDICT_CHANGED, field="spark.conf[spark.x]"
            ),
            decision_pb2.RuleOutcome(
                rule_id="data-eng/approval",
                verdict=decision_pb2.VERDICT_WARNED,
                field="tags",
                message="Ask\x1b[2J first.",
            ),
        ]
    )


def test_start_tells_what_policy_changed(gateway: Gateway, tmp_path: Path) -> None:
    """The job run's id, each change with before and after, each warning; nothing that steers a terminal."""
    gateway.script.append(pb.StartJobRunResponse(application_id="a", job_run_id="r1", decision=_decision()))
    file = tmp_path / "job.yaml"
    file.write_text(_REQUEST)
    done = _run("start", "-f", str(file), "--target", gateway.target)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "job run r1 of application a",
        "changed by policy:",
        "  data-eng/timeout: execution_timeout_minutes: 5000 -> 720",
        "    Long jobs go through the streaming team.",
        "  data-eng/team: tags.team: (unset) -> data-eng",
        "  data-eng/conf: spark.conf[spark.x] (values not shown)",
        "warned of by policy:",
        "  data-eng/approval: tags",
        "    Ask\\x1b[2J first.",
    ]


def test_start_from_standard_input_as_json(gateway: Gateway) -> None:
    """`-f - -o json` prints the reply's proto JSON and nothing else."""
    reply = pb.StartJobRunResponse(application_id="a", job_run_id="r1", decision=_decision())
    gateway.script.append(reply)
    done = _run("start", "-f", "-", "--target", gateway.target, "-o", "json", text=_REQUEST)
    assert (done.returncode, done.stderr) == (0, "")
    assert json_format.Parse(done.stdout, pb.StartJobRunResponse()) == reply
    assert len(gateway.tokens[0]) == 36


def test_validate_only(gateway: Gateway) -> None:
    """The flag reaches the gateway; a denial within the reply is exit 1."""
    done = _run("start", "-f", "-", "--validate-only", "--target", gateway.target, text=_REQUEST)
    assert done.returncode == 0
    request, _ = gateway.calls[0]
    assert isinstance(request, pb.StartJobRunRequest)
    assert request.validate_only
    denied = decision_pb2.RuleOutcome(rule_id="grant/role", verdict=decision_pb2.VERDICT_DENIED, field="x")
    gateway.script.append(pb.StartJobRunResponse(decision=decision_pb2.Decision(outcomes=[denied])))
    done = _run("start", "-f", "-", "--validate-only", "--target", gateway.target, text=_REQUEST)
    assert done.returncode == 1
    assert done.stdout == "validated: nothing was started\nrefused by policy:\n  grant/role: x\n"


def test_a_refusal_as_text_and_as_json(gateway: Gateway) -> None:
    """Exit 1; a line a violation, or the fixed JSON, on standard error alone."""
    refused = error_details_pb2.PreconditionFailure()
    refused.violations.add(type="p/timeout", subject="execution_timeout_minutes", description="900 is over 720.")
    gateway.always = refusal(
        grpc.StatusCode.PERMISSION_DENIED, "POLICY_VIOLATION", refused, metadata={"outcome": "not_started"}
    )
    done = _run("start", "-f", "-", "--target", gateway.target, text=_REQUEST)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "POLICY_VIOLATION (PERMISSION_DENIED): scripted",
        "  execution_timeout_minutes: 900 is over 720. [p/timeout]",
    ]
    done = _run("start", "-f", "-", "--target", gateway.target, "-o", "json", text=_REQUEST)
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr) == {
        "code": "PERMISSION_DENIED",
        "reason": "POLICY_VIOLATION",
        "message": "scripted",
        "violations": [
            {"field": "execution_timeout_minutes", "description": "900 is over 720.", "rule": "p/timeout"},
        ],
        "outcome": "not_started",
        "metadata": {"outcome": "not_started"},
        "client_token": gateway.tokens[1],
        "retry_after_seconds": None,
    }


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (later(-1), 3),
        (Refusal(grpc.StatusCode.DEADLINE_EXCEEDED), 3),
        (Refusal(grpc.StatusCode.ABORTED), 3),
        (refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "THROTTLED", metadata=_NOT_STARTED, pushback=-1), 3),
        (refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA", metadata=_NOT_STARTED, pushback=-1), 1),
        (refusal(grpc.StatusCode.INTERNAL, "INTERNAL", metadata=_NOT_STARTED), 1),
        (refusal(grpc.StatusCode.INTERNAL, "INTERNAL", metadata={"outcome": "unknown"}), 3),
    ],
    ids=["unavailable", "deadline", "foreign", "throttled", "quota", "bug before", "bug after"],
)  # fmt: skip
def test_exit_codes_of_a_failed_start(gateway: Gateway, answer: Refusal, exit_code: int) -> None:
    """3 says: it may have been started, or may yet be; where it may have been, the token is printed."""
    gateway.always = answer
    done = _run("start", "-f", "-", "--target", gateway.target, text=_REQUEST)
    assert done.returncode == exit_code
    unknown = "not_started" not in str(answer.trailers) and exit_code == 3
    assert (f"--client-token {gateway.tokens[0]}" in done.stderr) == unknown


def test_nobody_listens() -> None:
    """A port without a server: exit 3 and one readable line, in JSON too, though gRPC has its own to say."""
    done = _run("get", "a", "r", "--target", "127.0.0.1:9", "--timeout", "0.5", "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stderr)["code"] in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


def test_a_handshake_that_fails_is_one_error(gateway: Gateway, tmp_path: Path) -> None:
    """TLS against plaintext: gRPC's own log does not spoil the JSON."""
    ca, _ = self_signed(tmp_path)
    done = _run("get", "a", "r", "--target", gateway.target, "--ca", str(ca), "--timeout", "2", "-o", "json")
    assert done.returncode == 3
    assert json.loads(done.stderr)["code"] in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}


def test_an_unreadable_request_is_not_sent(gateway: Gateway, tmp_path: Path) -> None:
    """Exit 2 with every mistake and its place; in JSON each is a violation."""
    done = _run("start", "-f", "-", "--target", gateway.target, text="applicationID: a\nname: 5\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert [line.split(": error: ")[0] for line in done.stderr.splitlines()] == ["<stdin>:1:1", "<stdin>:2:7"]
    done = _run("start", "-f", "-", "--target", gateway.target, "-o", "json", text="name: 5\n")
    assert json.loads(done.stderr)["violations"] == [
        {"field": "name", "description": "wants a string, found a whole number: put it in quotes", "rule": ""},
    ]
    done = _run("start", "-f", str(tmp_path / "missing.yaml"), "--target", gateway.target)
    assert done.returncode == 2
    assert "missing.yaml" in done.stderr
    assert not gateway.calls


@pytest.mark.parametrize(
    "arguments",
    [
        ["start", "--target", "h:1"],
        ["start", "-f", "-"],
        ["get", "a", "--target", "h:1"],
        ["get", "a", "r", "--target", "h:1", "--timeout", "0"],
        ["get", "a", "r", "--target", "h:1", "--timeout", "nan"],
        ["get", "a", "r", "--target", "h:1", "--cert", "/missing"],
        ["get", "a", "r", "--target", "h:1", "--plaintext", "--ca", "/missing"],
        ["get", "a", "r", "--target", "127.0.0.1:1", "--token-file", "/missing"],
        ["get", "a", "r", "--target", "h:1", "-o", "xml"],
    ],
)
def test_usage(arguments: list[str]) -> None:
    """Arguments that do not go together, or are missing: exit 2, a message, nothing sent."""
    done = _run(*arguments, text=_REQUEST)
    assert done.returncode == 2
    assert done.stderr


def test_get(gateway: Gateway) -> None:
    """How a job run stands, as text and as proto JSON; a state to come is printed as its number."""
    run = job_run_pb2.JobRun(application_id="a", job_run_id="r", state=job_run_pb2.JOB_RUN_STATE_RUNNING, name="etl")
    run.tags["team"] = "data-eng"
    gateway.script.append(pb.GetJobRunResponse(job_run=run))
    done = _run("get", "a", "r", "--target", gateway.target)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "job run r of application a",
        "  state:   RUNNING",
        "  name:    etl",
        "  tag team: data-eng",
    ]
    run.queued_duration_milliseconds = 1500
    run.total_execution_duration_seconds = 7
    run.billed_resource_utilization.v_cpu_hour = 0.5
    gateway.script.append(pb.GetJobRunResponse(job_run=run))
    figures = ["  queued:  1.5 s", "  ran:     7 s", "  billed:  0.5 vCPU-h, 0 GB-h, 0 GB-h disk"]
    assert set(figures) <= set(_run("get", "a", "r", "--target", gateway.target).stdout.splitlines())
    run.state = 99  # type: ignore[assignment] # a state that AWS adds some day
    gateway.script.append(pb.GetJobRunResponse(job_run=run))
    assert "state:   99" in _run("get", "a", "r", "--target", gateway.target).stdout
    gateway.script.append(pb.GetJobRunResponse(job_run=run))
    done = _run("get", "a", "r", "--target", gateway.target, "-o", "json")
    assert json.loads(done.stdout)["jobRun"]["name"] == "etl"


def test_a_reader_that_left_undoes_nothing(gateway: Gateway) -> None:
    """Standard output closed by its reader: the job was started, so it is exit 0, without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        _command("start", "-f", "-", "--target", gateway.target),
        input=_REQUEST.encode(),
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c(gateway: Gateway) -> None:
    """Exit 130 while the gateway holds the call, with the token that keeps a second attempt from a second job."""
    gateway.always = Refusal(hold=True)
    process = subprocess.Popen(
        _command("start", "-f", "-", "--target", gateway.target),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        process.stdin.write(_REQUEST)
        process.stdin.close()
        assert gateway.called.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == (
            "interrupted: it may have been started; to submit it again without starting a second job: "
            f"--client-token {gateway.tokens[0]}\n"
        )
