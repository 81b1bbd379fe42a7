"""What becomes known of one call on its way: told by the steps, read where the call ends.

It goes with the call through `contextvars`, into its thread too, so that no step hands it to another. Outside of a call
(the `policy` commands) there is none, and nothing is told.
"""

from __future__ import annotations

import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field

from google.protobuf.message import Message

from emrgateway_server.errors import GatewayError


@dataclass(slots=True)
class Record:
    """One call. `path` is its method, as `package.Service/Method`; what is not known, or not yet, is empty."""

    path: str
    decision_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    began_at: float = field(default_factory=time.time)
    began: float = field(default_factory=time.perf_counter)
    caller_id: str = ""
    application_id: str = ""
    job_run_id: str = ""
    only_validates: bool = False
    was_recalled: bool = False
    error: GatewayError | None = None

    @property
    def seconds(self) -> float:
        """How long the call has lasted."""
        return time.perf_counter() - self.began


_current: ContextVar[Record | None] = ContextVar("record", default=None)


def begin(path: str) -> Record:
    """Begin the record of a call, in this context and those copied from it."""
    record = Record(path)
    _current.set(record)
    return record


def current() -> Record | None:
    """The record of this context's call."""
    return _current.get()


def note_caller(caller_id: str) -> None:
    """Note who calls."""
    record = _current.get()
    if record is not None:
        record.caller_id = caller_id


def note_error(error: GatewayError) -> None:
    """Note how the call fails."""
    record = _current.get()
    if record is not None:
        record.error = error


def note_recall() -> None:
    """Note that the reply is one which was given before."""
    record = _current.get()
    if record is not None:
        record.was_recalled = True


def note_ids(message: Message) -> None:
    """Note which application and job run a message speaks of: a request that was checked, or a reply."""
    record = _current.get()
    if record is None:
        return
    record.application_id = getattr(message, "application_id", "") or record.application_id
    record.job_run_id = getattr(message, "job_run_id", "") or record.job_run_id
    record.only_validates = bool(getattr(message, "validate_only", False)) or record.only_validates
