"""The job runs that the sandbox holds, and the client tokens that they are bound to."""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from ._applications import Application
from ._caller import Caller
from ._errors import AwsError, not_found, validation
from ._lifecycle import TERMINAL, Progress, Step, Timeline, driven, now, progress, usual

OnChangedBody = Literal["conflict", "first-run"]
"""What a client token gets that comes again with another request: ConflictException, or the first request's run."""

_ID_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"
_ID_LENGTH: Final = 16

_Place = tuple[str, str, str]  # account, region, application id


@dataclass(slots=True)
class JobRun:
    """One job run: `job` is the StartJobRun's input as the model has it, `sent` the body as it came, byte for byte.

    `number` counts the runs of a sandbox from 0. Only `start_calls` and `timeline` ever change.
    """

    number: int
    job_run_id: str
    caller: Caller
    application: Application
    job: Mapping[str, Any]
    sent: bytes
    headers: Mapping[str, str]
    created_at: float
    timeline: Timeline
    start_calls: int = 1

    @property
    def progress(self) -> Progress:
        """How far it has come by now."""
        return progress(self.timeline, now())

    @property
    def arn(self) -> str:
        """Its ARN, with AWS's slash before `applications`."""
        return (
            f"arn:{self.caller.partition}:emr-serverless:{self.caller.region}:{self.caller.account}:"
            f"/applications/{self.application.application_id}/jobruns/{self.job_run_id}"
        )


class JobRuns:
    """All job runs, by account, region and application. Safe to use from several threads."""

    def __init__(self, seconds_per_state: float, on_changed_body: OnChangedBody) -> None:
        self._seconds_per_state = seconds_per_state
        self._on_changed_body = on_changed_body
        self._lock = threading.Lock()
        self._all: list[JobRun] = []
        self._by_place: dict[_Place, dict[str, JobRun]] = {}
        self._by_token: dict[tuple[_Place, str], JobRun] = {}

    def start(
        self, caller: Caller, application: Application, job: Mapping[str, Any], sent: bytes, headers: Mapping[str, str]
    ) -> JobRun:
        """Start a job run, or give the one that the client token started.

        A token means the same request for as long as the sandbox lives, within one account, region and application.
        Raises AwsError (ConflictException) for another request, unless told to give the first one's run.
        """
        place = (caller.account, caller.region, application.application_id)
        with self._lock:
            first = self._by_token.get((place, job["clientToken"]))
            if first is not None:
                if first.job != job and self._on_changed_body == "conflict":
                    raise AwsError("ConflictException", "clientToken was used before with a different request")
                first.start_calls += 1
                return first
            created_at = round(now(), 3)  # AWS's times have milliseconds, and ListJobRuns filters by them
            run = JobRun(
                number=len(self._all),
                job_run_id=self._fresh_id(),
                caller=caller,
                application=application,
                job=job,
                sent=sent,
                headers=headers,
                created_at=created_at,
                timeline=usual(created_at, self._seconds_per_state),
            )
            self._all.append(run)
            self._by_place.setdefault(place, {})[run.job_run_id] = run
            self._by_token[place, job["clientToken"]] = run
            return run

    def _fresh_id(self) -> str:
        return "00" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH - 2))

    def get(self, caller: Caller, application_id: str, job_run_id: str) -> JobRun:
        """Find a job run; raises AwsError (ResourceNotFoundException) if the caller's account and region has none."""
        place = (caller.account, caller.region, application_id)
        with self._lock:
            run = self._by_place.get(place, {}).get(job_run_id)
        if run is None:
            raise not_found("Job run", job_run_id)
        return run

    def cancel(self, run: JobRun) -> None:
        """Cancel a job run that has not ended; one that is being cancelled already stays as it is.

        Raises AwsError (ValidationException) if it has ended, as the service was seen to do ("not in a cancellable
        state", opensearch-project/sql pull request 2577).
        """
        with self._lock:
            state = run.progress.state
            if state in TERMINAL:
                raise validation(f"Job run {run.job_run_id} is not in a cancellable state: {state}")
            if state != "CANCELLING":
                attempt = run.progress.attempts[-1].number
                stopping = Step("CANCELLING", self._seconds_per_state, attempt=attempt)
                run.timeline = driven(run.timeline, [stopping, Step("CANCELLED", attempt=attempt)], now())

    def drive(self, job_run_id: str, steps: Sequence[Step]) -> None:
        """Let a job run, whosever it is, come into these states from now on; raises ValueError where it cannot."""
        if not steps:
            raise ValueError("states: give one at least")
        for step in steps:
            step.check()
        with self._lock:
            run = next((run for run in self._all if run.job_run_id == job_run_id), None)
            if run is None:
                raise ValueError(f"jobRunId: there is no job run {job_run_id}")
            run.timeline = driven(run.timeline, steps, now())

    def newest_first(self, caller: Caller, application_id: str) -> list[JobRun]:
        """List an application's job runs, the newest first."""
        place = (caller.account, caller.region, application_id)
        with self._lock:
            return list(reversed(self._by_place.get(place, {}).values()))

    def all(self) -> list[JobRun]:
        """List every job run that the sandbox holds, in the order of their start."""
        with self._lock:
            return list(self._all)
