"""A job run as others see it: AWS's JobRun, JobRunSummary and JobRunAttemptSummary, and the sandbox's own record."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._job_runs import JobRun
from ._lifecycle import Attempt, Progress

_DETAILS: Final = {
    "SUBMITTED": "The job run was submitted.",
    "QUEUED": "The application runs as many jobs as it may; the job run is waiting.",
    "PENDING": "The job run is being prioritised and scheduled.",
    "SCHEDULED": "The job run is scheduled; resources are being allocated.",
    "RUNNING": "The job run is running.",
    "SUCCESS": "The job run completed successfully.",
    "FAILED": "The job run failed.",
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


def job_run(run: JobRun, number: int | None = None) -> dict[str, Any] | None:
    """Build AWS's JobRun, of the latest attempt or of a given one; None where there is no such attempt."""
    progress = run.progress
    attempt = _attempt(progress, number)
    if attempt is None:
        return None
    mode = run.job.get("mode", _DEFAULT_MODE)
    view = {name: run.job[name] for name in _KEPT if name in run.job}
    if mode == _DEFAULT_MODE:
        view.setdefault("executionTimeoutMinutes", _DEFAULT_TIMEOUT_MINUTES)
    view |= _common(run, attempt) | {
        "jobRunId": run.job_run_id,
        "createdAt": run.created_at,
        "updatedAt": round(progress.since, 3),
        "tags": run.job.get("tags", {}),
        "queuedDurationMilliseconds": round(progress.queued_seconds * 1000),
        "attemptCreatedAt": round(attempt.created_at, 3),
        "attemptUpdatedAt": round(attempt.since, 3),
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
    attempt = progress.attempts[-1]
    view = _common(run, attempt) | {
        "id": run.job_run_id,
        "type": _type(run),
        "createdAt": run.created_at,
        "updatedAt": round(progress.since, 3),
        "attemptCreatedAt": round(attempt.created_at, 3),
        "attemptUpdatedAt": round(attempt.since, 3),
    }
    return view | {name: run.job[name] for name in ("name", "flexExecution") if name in run.job}


def attempts(run: JobRun) -> list[dict[str, Any]]:
    """Build AWS's JobRunAttemptSummary of each attempt, the first one first."""
    return [
        _common(run, attempt)
        | {
            "id": run.job_run_id,
            "type": _type(run),
            "jobCreatedAt": run.created_at,
            "createdAt": round(attempt.created_at, 3),
            "updatedAt": round(attempt.since, 3),
        }
        | {name: run.job[name] for name in ("name", "flexExecution") if name in run.job}
        for attempt in run.progress.attempts
    ]


def _attempt(progress: Progress, number: int | None) -> Attempt | None:
    if number is None:
        return progress.attempts[-1]
    return next((attempt for attempt in progress.attempts if attempt.number == number), None)


def _common(run: JobRun, attempt: Attempt) -> dict[str, Any]:
    return {
        "applicationId": run.application.application_id,
        "arn": run.arn,
        "attempt": attempt.number,
        "createdBy": run.caller.arn,
        "executionRole": run.job["executionRoleArn"],
        "mode": run.job.get("mode", _DEFAULT_MODE),
        "releaseLabel": run.application.release_label,
        "state": attempt.state,
        "stateDetails": attempt.details or _DETAILS.get(attempt.state, f"The job run is {attempt.state}."),
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
