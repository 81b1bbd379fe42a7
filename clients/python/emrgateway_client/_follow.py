"""A watched job run on a terminal, in a log, or as JSON lines; and the exit code that its end is.

A terminal gets a line that moves, under a line for each state that was; a log gets the latter alone.
"""

# ruff: noqa: T201 - a command prints
from __future__ import annotations

import shutil
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from google.protobuf import json_format

from emrgateway.v1 import job_run_pb2
from emrgateway_client._render import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from emrgateway.v1.job_run_pb2 import JobRun, ResourceUtilization, TotalResourceUtilization
    from emrgateway.v1.job_run_service_pb2 import WatchJobRunResponse

EXIT_CODES: Final = {
    job_run_pb2.JOB_RUN_STATE_SUCCESS: 0,
    job_run_pb2.JOB_RUN_STATE_FAILED: 4,
    job_run_pb2.JOB_RUN_STATE_CANCELLED: 5,
}

_TICK_SECONDS: Final = 1.0
_CLEAR: Final = "\r\x1b[2K"


def follow(
    changes: Iterable[WatchJobRunResponse], output: str, show: Callable[[str], None], *, live: bool = False
) -> int:
    """Show each change by `show`, a line each, and with `live` a line that moves; the exit code of the end."""
    code = 1  # a watch ends with an end or with an error
    clock = Clock()
    with _Ticker(clock, live=live and output != "json") as ticker:
        for change in changes:
            run = change.job_run
            clock.note(run, time.time())
            with ticker.line_cleared():
                show(json_format.MessageToJson(change, indent=None) if output == "json" else clock.told(time.time()))
            code = EXIT_CODES.get(run.state, code)
    return code


class Clock:
    """How long a run has been going, and how long it waited in the queue, as of any moment (epoch seconds)."""

    def __init__(self) -> None:
        self._run: JobRun | None = None
        self._queued = 0.0
        self._queued_since: float | None = None

    def note(self, run: JobRun, now: float) -> None:
        """Take in a change."""
        changed = run.updated_at.ToNanoseconds() / 1e9 if run.HasField("updated_at") else now
        if self._queued_since is not None:
            self._queued += max(0.0, changed - self._queued_since)
        self._queued_since = changed if run.state == job_run_pb2.JOB_RUN_STATE_QUEUED else None
        self._run = run

    def told(self, now: float) -> str:
        """The state, elapsed and queued time, and of a run that has ended, what it used."""
        run = self._run
        if run is None:
            return "waiting for the job run's state"
        parts = [_state(run)]
        if run.HasField("created_at"):
            end = run.ended_at if run.HasField("ended_at") else run.updated_at
            until = end.ToNanoseconds() / 1e9 if run.state in EXIT_CODES else now
            parts.append(f"elapsed {_seconds(until - run.created_at.ToNanoseconds() / 1e9)}")
        queued = self._queued_seconds(run, now)
        parts += [f"queued {_seconds(queued)}"] if queued >= 1 else []
        parts += [f"attempt {run.attempt}"] if run.attempt > 1 else []
        if run.HasField("total_resource_utilization"):
            parts.append(f"used {_resources(run.total_resource_utilization)}")
        if run.HasField("billed_resource_utilization"):
            parts.append(f"billed {_resources(run.billed_resource_utilization)}")
        details = run.state_details if run.state in EXIT_CODES else ""
        return printable("  ".join(parts + ([details] if details else []))).replace("\n", " ")

    def _queued_seconds(self, run: JobRun, now: float) -> float:
        if run.HasField("queued_duration_milliseconds"):
            return run.queued_duration_milliseconds / 1000
        return self._queued + (max(0.0, now - self._queued_since) if self._queued_since is not None else 0.0)


class _Ticker:
    """The line that moves: the state as of now, written over itself each second by a thread."""

    def __init__(self, clock: Clock, *, live: bool) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True) if live else None

    def __enter__(self) -> Self:
        if self._thread is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._write("")

    @contextmanager
    def line_cleared(self) -> Iterator[None]:
        """Room for a line that stays."""
        with self._lock:
            if self._thread is not None:
                self._write("")
            yield

    def _tick(self) -> None:
        while not self._stopped.wait(_TICK_SECONDS):
            with self._lock:
                self._write(self._clock.told(time.time())[: shutil.get_terminal_size().columns - 1])

    def _write(self, line: str) -> None:
        print(_CLEAR + line, end="", flush=True, file=sys.stdout)


def _state(run: JobRun) -> str:
    if run.state == job_run_pb2.JOB_RUN_STATE_UNSPECIFIED:
        return run.state_details or "in a state that is newer than this command"
    names = job_run_pb2.JobRunState
    return names.Name(run.state).removeprefix("JOB_RUN_STATE_") if run.state in names.values() else str(run.state)


def _seconds(seconds: float) -> str:
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def _resources(used: TotalResourceUtilization | ResourceUtilization) -> str:
    return f"{used.v_cpu_hour:g} vCPU-h, {used.memory_gb_hour:g} GB-h, {used.storage_gb_hour:g} GB-h disk"
