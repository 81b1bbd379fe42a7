"""The operations of EMR Serverless that the gateway calls, and by what each one's answer is told from none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore import xform_name


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `answer` is the member that every real answer holds: a truncated body parses as success."""

    name: str
    answer: str
    kind: type
    starts: bool = False
    may_be_empty: bool = False

    @property
    def method(self) -> str:
        """boto3's name for it."""
        method: str = xform_name(self.name)
        return method

    def is_answered_by(self, reply: object) -> bool:
        """Whether a reply is one."""
        held = reply.get(self.answer) if isinstance(reply, Mapping) else None
        return isinstance(held, self.kind) and (self.may_be_empty or bool(held)) and _can_be_told(held)


def _can_be_told(value: object) -> bool:
    """Whether a text is one: JSON can hold halves of characters, which UTF-8 cannot."""
    return not isinstance(value, str) or value.encode(errors="replace").decode() == value


OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("StartJobRun", "jobRunId", str, starts=True),
        Operation("GetJobRun", "jobRun", dict),
        Operation("ListJobRuns", "jobRuns", list, may_be_empty=True),
        Operation("CancelJobRun", "jobRunId", str),
        Operation("ListJobRunAttempts", "jobRunAttempts", list, may_be_empty=True),
        Operation("GetDashboardForJobRun", "url", str),
    )
}
