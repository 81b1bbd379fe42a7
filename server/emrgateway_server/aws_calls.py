"""The calls to AWS, each with its CLIENT span."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emrgateway_server import telemetry
from emrgateway_server.emr import Target


def start(target: Target, request: Mapping[str, object]) -> dict[str, Any]:
    """Send a StartJobRun."""
    with telemetry.aws_span("StartJobRun", region=target.region, target=target.name) as span:
        started = target.start_job_run(request)
        telemetry.note_aws_reply(span, _request_id(started), str(started["jobRunId"]))
    return started


def get(target: Target, request: Mapping[str, object]) -> dict[str, Any]:
    """Send a GetJobRun."""
    with telemetry.aws_span("GetJobRun", region=target.region, target=target.name) as span:
        got = target.get_job_run(request)
        telemetry.note_aws_reply(span, _request_id(got), str(request["jobRunId"]))
    return got


def list_runs(target: Target, request: Mapping[str, object]) -> dict[str, Any]:
    """Send a ListJobRuns."""
    with telemetry.aws_span("ListJobRuns", region=target.region, target=target.name):
        return target.list_job_runs(request)


def _request_id(reply: Mapping[str, Any]) -> str:
    return str(reply.get("ResponseMetadata", {}).get("RequestId", ""))
