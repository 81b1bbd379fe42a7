"""`job list` and `job cancel` as processes: what they ask for, what they print, and how they exit."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp

from emrgateway.v1 import job_configuration_pb2, job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb

from .gateway import Refusal, refusal
from .test_cli import _command

if TYPE_CHECKING:
    from .gateway import Gateway


def _run(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*_command(*arguments), "--target", gateway.target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr
    return done


def _summary(run: str, **members: Any) -> job_run_pb2.JobRunSummary:  # noqa: ANN401 - any member
    return job_run_pb2.JobRunSummary(id=run, application_id="a", **members)


def _page(*runs: str, more: str | None = None) -> pb.ListJobRunsResponse:
    return pb.ListJobRunsResponse(job_runs=[_summary(run) for run in runs], next_token=more)


def test_list_in_columns(gateway: Gateway) -> None:
    """A line a run under a head, aligned; what is not known is a dash; nothing that steers a terminal."""
    created = Timestamp(seconds=1_790_000_000, nanos=123_000_000)
    runs = [
        _summary(
            "00f1run",
            state=job_run_pb2.JOB_RUN_STATE_RUNNING,
            name="nightly",
            mode=job_configuration_pb2.JOB_RUN_MODE_STREAMING,
            created_at=created,
            updated_at=created,
        ),
        _summary("00f1longer", state=job_run_pb2.JOB_RUN_STATE_CANCELLING, name="a\x1b[2J\nb"),
        _summary("00f1", state=job_run_pb2.JOB_RUN_STATE_UNSPECIFIED),
    ]
    gateway.script.append(pb.ListJobRunsResponse(job_runs=runs))
    done = _run(gateway, "list", "a")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "JOB RUN     STATE       NAME         MODE       CREATED               UPDATED",
        "00f1run     RUNNING     nightly      STREAMING  2026-09-21T14:13:20Z  2026-09-21T14:13:20Z",
        "00f1longer  CANCELLING  a\\x1b[2J\\nb  -          -                     -",
        "00f1        (newer)     -            -          -                     -",
    ]


def test_list_of_none(gateway: Gateway) -> None:
    """Said, not left blank."""
    done = _run(gateway, "list", "a")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no job runs\n", "")


def test_list_filters(gateway: Gateway) -> None:
    """Each option is the request's field of that name."""
    options = ["--state", "running", "--state", "QUEUED", "--mode", "batch", "--name", "etl*", "--next-token", "t"]
    times = ["--created-after", "2026-11-01T00:00:00Z", "--created-before", "2026-11-02T00:00:00+01:00"]
    assert _run(gateway, "list", "a", *options, *times, "--limit", "7").returncode == 0
    ((request, _),) = gateway.calls
    assert request == pb.ListJobRunsRequest(
        application_id="a",
        next_token="t",  # noqa: S106 - a page, no password
        max_results=7,
        created_at_after=Timestamp(seconds=1_793_491_200),
        created_at_before=Timestamp(seconds=1_793_574_000),
        states=[job_run_pb2.JOB_RUN_STATE_RUNNING, job_run_pb2.JOB_RUN_STATE_QUEUED],
        mode=job_configuration_pb2.JOB_RUN_MODE_BATCH,
        name="etl*",
    )


def test_list_goes_on_until_it_has_enough(gateway: Gateway) -> None:
    """Short and empty pages are followed; at the limit it says how to go on, right behind the last run."""
    gateway.script.extend([_page("1", more="x"), _page(more="y"), _page("2", "3", more="z")])
    done = _run(gateway, "list", "a", "--limit", "3")
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["1", "2", "3"]
    assert (done.returncode, done.stderr) == (0, "there are more: --all, --limit, or --next-token z\n")
    asked = [
        (call.next_token, call.max_results) for call, _ in gateway.calls if isinstance(call, pb.ListJobRunsRequest)
    ]
    assert asked == [("", 3), ("x", 2), ("y", 2)]


def test_list_as_json(gateway: Gateway) -> None:
    """`-o json` is one ListJobRunsResponse, whatever the pages were; `--all` reads to the end."""
    gateway.script.extend([_page("1", more="x"), _page("2", "3")])
    done = _run(gateway, "list", "a", "--all", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json_format.Parse(done.stdout, pb.ListJobRunsResponse()) == _page("1", "2", "3")
    gateway.script.append(_page("1", more="x"))
    done = _run(gateway, "list", "a", "--limit", "1", "-o", "json")
    assert (json.loads(done.stdout)["nextToken"], done.stderr) == ("x", "")


def test_cancel(gateway: Gateway) -> None:
    """Names the run; the grace is left out unless given; as proto JSON too."""
    gateway.script.extend([pb.CancelJobRunResponse(application_id="a", job_run_id="r")] * 2)
    done = _run(gateway, "cancel", "a", "r")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "job run r of application a is being cancelled\n"
    done = _run(gateway, "cancel", "a", "r", "--grace", "0", "-o", "json")
    assert json.loads(done.stdout) == {"applicationId": "a", "jobRunId": "r"}
    assert [request for request, _ in gateway.calls] == [
        pb.CancelJobRunRequest(application_id="a", job_run_id="r"),
        pb.CancelJobRunRequest(application_id="a", job_run_id="r", shutdown_grace_period_in_seconds=0),
    ]


@pytest.mark.parametrize("command", [["list", "a"], ["cancel", "a", "r"]], ids=["list", "cancel"])
@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND"), 1),
        (refusal(grpc.StatusCode.INVALID_ARGUMENT, "UPSTREAM_VALIDATION"), 1),
        (refusal(grpc.StatusCode.UNAVAILABLE, "UPSTREAM_UNKNOWN", pushback=-1), 3),
        (refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "THROTTLED", pushback=-1), 3),
        (Refusal(grpc.StatusCode.DEADLINE_EXCEEDED), 3),
    ],
    ids=["not found", "ended", "unknown", "throttled", "deadline"],
)
def test_exit_codes(command: list[str], answer: Refusal, exit_code: int, gateway: Gateway) -> None:
    """1 refused or failed, 3 unavailable or unknown; nothing on standard output."""
    gateway.always = answer
    done = _run(gateway, *command)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert done.stderr
    assert "started" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "a", "--state", "HIBERNATING"],
        ["list", "a", "--mode", "FAST"],
        ["list", "a", "--created-after", "yesterday"],
        ["list", "a", "--limit", "0"],
        ["list", "a", "--limit", "5", "--all"],
        ["cancel", "a"],
        ["cancel", "a", "r", "--grace", "soon"],
    ],
)
def test_usage(arguments: list[str], gateway: Gateway) -> None:
    """Exit 2 and a message, and nothing is sent."""
    done = _run(gateway, *arguments)
    assert (done.returncode, bool(done.stderr)) == (2, True)
    assert not gateway.calls


def test_help() -> None:
    """Each command has its own, states and all."""
    shown = subprocess.run(_command("list", "--help"), capture_output=True, text=True, check=True, timeout=60).stdout
    assert "CANCELLING" in shown
