"""A job run as others see it: AWS's JobRun, JobRunSummary and JobRunAttemptSummary, and the sandbox's own record."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._job_runs import JobRun
from ._lifecycle import Progress

_DETAILS: Final = {
    "SUBMITTED": "The job run was submitted.",
    "PENDING": "The job run is being prioritised and scheduled.",
    "SCHEDULED": "The job run is scheduled; resources are being allocated.",
    "RUNNING": "The job run is running.",
    "SUCCESS": "The job run completed successfully.",
    "CANCELLING": "The job run is being cancelled.",
    "CANCELLED": "The job run was cancelled.",
}
_KEPT: Final = (
    "configurationOverrides",
    "executionIamPolicy",
    "executionTimeoutMinutes",
    "flexExecution",
    "jobDriver",
    "name",
    "retryPolicy",
)
_DEFAULT_TIMEOUT_MINUTES: Final = 720
_DEFAULT_MODE: Final = "BATCH"
ATTEMPT: Final = 1  # nothing fails in the sandbox, so no run has a second

# What every job is said to use: two workers of 2 vCPU, 8 GB and 20 GB of disk. Billed for a minute at least, and only
# for disk above 20 GB a worker, as botocore's model says of billedResourceUtilization.
_USE_A_SECOND: Final = {"vCPUHour": 4 / 3600, "memoryGBHour": 16 / 3600, "storageGBHour": 40 / 3600}
_BILLED_A_SECOND: Final = {**_USE_A_SECOND, "storageGBHour": 0.0}
_BILLED_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class JobRunRecord:
    """What the sandbox knows of a job run.

    `body` is the JSON body of the StartJobRun that started it, exactly as it came (applicationId stands in the URI);
    `headers` are that request's traceparent, user-agent and the like, in lower case; `start_calls` counts the
    StartJobRun calls that this run was the answer to; `created_at` is in epoch seconds.
    """

    application_id: str
    job_run_id: str
    account: str
    region: str
    state: str
    created_at: float
    created_by: str
    start_calls: int
    headers: Mapping[str, str]
    body: dict[str, Any]


def record(run: JobRun) -> JobRunRecord:
    """Take down what is known of a job run at this moment."""
    return JobRunRecord(
        application_id=run.application.application_id,
        job_run_id=run.job_run_id,
        account=run.caller.account,
        region=run.caller.region,
        state=run.progress.state,
        created_at=run.created_at,
        created_by=run.caller.arn,
        start_calls=run.start_calls,
        headers=dict(run.headers),
        body=json.loads(run.sent),
    )


def job_run(run: JobRun) -> dict[str, Any]:
    """Build AWS's JobRun."""
    progress = run.progress
    mode = run.job.get("mode", _DEFAULT_MODE)
    view = {name: run.job[name] for name in _KEPT if name in run.job}
    if mode == _DEFAULT_MODE:
        view.setdefault("executionTimeoutMinutes", _DEFAULT_TIMEOUT_MINUTES)
    view |= _common(run, progress) | {
        "jobRunId": run.job_run_id,
        "tags": run.job.get("tags", {}),
        "queuedDurationMilliseconds": 0,
        "attemptCreatedAt": run.created_at,
        "attemptUpdatedAt": round(progress.since, 3),
    }
    if run.application.network_configuration:
        view["networkConfiguration"] = run.application.network_configuration
    if progress.started_at is not None:
        view["startedAt"] = round(progress.started_at, 3)
    if progress.ended_at is not None:
        view["endedAt"] = round(progress.ended_at, 3)
        view |= _consumption(progress.started_at, progress.ended_at)
    return view


def summary(run: JobRun) -> dict[str, Any]:
    """Build AWS's JobRunSummary: neither tags nor driver are in it."""
    progress = run.progress
    view = _common(run, progress) | {
        "id": run.job_run_id,
        "type": _type(run),
        "attemptCreatedAt": run.created_at,
        "attemptUpdatedAt": round(progress.since, 3),
    }
    return view | {name: run.job[name] for name in ("name", "flexExecution") if name in run.job}


def attempt(run: JobRun) -> dict[str, Any]:
    """Build AWS's JobRunAttemptSummary of the only attempt."""
    view = _common(run, run.progress) | {"id": run.job_run_id, "type": _type(run), "jobCreatedAt": run.created_at}
    return view | {name: run.job[name] for name in ("name", "flexExecution") if name in run.job}


def _common(run: JobRun, progress: Progress) -> dict[str, Any]:
    return {
        "applicationId": run.application.application_id,
        "arn": run.arn,
        "attempt": ATTEMPT,
        "createdAt": run.created_at,
        "createdBy": run.caller.arn,
        "executionRole": run.job["executionRoleArn"],
        "mode": run.job.get("mode", _DEFAULT_MODE),
        "releaseLabel": run.application.release_label,
        "state": progress.state,
        "stateDetails": _DETAILS[progress.state],
        "updatedAt": round(progress.since, 3),
    }


def _type(run: JobRun) -> str:
    return run.application.type or ("Hive" if "hive" in run.job["jobDriver"] else "Spark")


def _consumption(started_at: float | None, ended_at: float) -> dict[str, Any]:
    seconds = 0 if started_at is None else math.ceil(ended_at - started_at)
    billed = max(seconds, _BILLED_SECONDS) if seconds else 0
    return {
        "totalExecutionDurationSeconds": seconds,
        "totalResourceUtilization": {name: round(rate * seconds, 3) for name, rate in _USE_A_SECOND.items()},
        "billedResourceUtilization": {name: round(rate * billed, 3) for name, rate in _BILLED_A_SECOND.items()},
    }
