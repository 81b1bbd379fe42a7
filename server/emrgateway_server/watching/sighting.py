"""A job run in one of AWS's replies: how it stands, and the message that says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emrgateway.v1 import job_run_pb2
from emrgateway_server import shapes, translate
from emrgateway_server.watching.seen import ENDS, Seen

JOB_RUN = shapes.response_shape("GetJobRun").members["jobRun"]
_LIST = shapes.response_shape("ListJobRuns").members["jobRuns"].element
_STATES = shapes.request_shape("ListJobRuns").members["states"]


def _going() -> tuple[str, ...]:
    names = sorted((_STATES.element.enum if _STATES.element else frozenset()) - ENDS)
    return tuple(names) if len(names) <= (_STATES.maximum or len(names)) else ()


# What ListJobRuns is asked for: every state that AWS's model has and that is no end; none where its filter takes fewer.
GOING = _going()


@dataclass(frozen=True, slots=True)
class Sighting:
    """One run as a reply has it; `value` is in the form of GetJobRun's, sensitive members left out."""

    job_run_id: str
    seen: Seen
    created_at: dt.datetime | None
    value: Mapping[str, Any]

    def message(self) -> job_run_pb2.JobRun:
        """The contract's message."""
        return translate.from_aws(self.value, job_run_pb2.JobRun, JOB_RUN)


def of_summary(value: Mapping[str, Any]) -> Sighting | None:
    """A run in ListJobRuns' reply; None where it cannot be told which run it is, or how it stands."""
    if _LIST is None:
        raise TypeError("a list without elements")
    said = translate.sayable(value, _LIST)
    return _sighting({**said, "jobRunId": said.get("id")})


def of_job_run(value: Mapping[str, Any]) -> Sighting | None:
    """The run in GetJobRun's reply; None as above."""
    return _sighting(translate.public(translate.sayable(value, JOB_RUN), JOB_RUN))


def _sighting(value: Mapping[str, Any]) -> Sighting | None:
    job_run_id, state = value.get("jobRunId"), value.get("state")
    if not job_run_id or not state:
        return None
    updated = value.get("updatedAt")
    seen = Seen(state, value.get("attempt", 0), 0 if updated is None else max(0, round(updated.timestamp() * 1000)))
    return Sighting(job_run_id, seen, value.get("createdAt"), value)
