"""The audit as replay reads it: OPA's decision log, a JSON object a line, in OPA's names.

    {"decision_id": "4ca6…", "timestamp": "2026-11-24T21:00:00.000000Z", "labels": {"id": "gateway-0"},
     "path": "emrgateway.v1.JobRunService/StartJobRun",
     "input": {"caller": {"id": "spiffe://…", "labels": {"team": "data-eng"}},
               "request": {"applicationId": "00f1…", "executionRoleArn": "arn:…", "jobDriver": {"sparkSubmit": {}}}},
     "erased": ["/input/request/jobDriver/sparkSubmit/entryPoint"],
     "result": {"verdict": "ALLOWED", "policy_digest": "sha256:…", "outcomes": [{"ruleId": "data-eng/timeout", …}]}}

`input.request` is what the caller asked for in AWS's form, less every value that AWS's model marks sensitive. `erased`
names these by JSON Pointer (RFC 6901); what stood around them stays, so that a Spark job is still seen to be one.
`result.outcomes` are proto JSON of RuleOutcome. Other keys, and lines without a verdict on a StartJobRun, are left
alone.

The originals, where they are kept, are in the file of the same name and `.requests` at its end, one a line:
`{"decision_id": "4ca6…", "request": {…}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PATH = "emrgateway.v1.JobRunService/StartJobRun"
ORIGINALS = ".requests"


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class LoggedCaller(_Record):
    """Who asked, as the gateway knew it then."""

    id: str
    labels: dict[str, str] = Field(default_factory=dict)


class LoggedInput(_Record):
    """What was judged."""

    caller: LoggedCaller
    request: dict[str, Any]


class LoggedOutcome(_Record):
    """What one rule did."""

    rule_id: str = Field(alias="ruleId")
    verdict: str
    field: str = ""
    after: str = ""


class LoggedResult(_Record):
    """The verdict that was given."""

    verdict: Literal["ALLOWED", "DENIED"]
    policy_digest: str = ""
    outcomes: list[LoggedOutcome] = Field(default_factory=list)


class Line(_Record):
    """One decision on a StartJobRun."""

    decision_id: str
    timestamp: str = ""
    path: str
    input: LoggedInput
    erased: list[str] = Field(default_factory=list)
    result: LoggedResult


class Damaged(Exception):
    """A line that cannot be read; its text says why and holds nothing of it."""


def is_log(file: Path) -> bool:
    """Whether a file holds decisions: by its name, or by how it begins. OSError where it cannot be read."""
    if file.suffix in (".jsonl", ".ndjson"):
        return True
    with file.open("rb") as stream:
        first = stream.readline(1_048_576)
    return first.startswith(b"{") and b'"decision_id"' in first


def read(file: Path) -> Iterator[tuple[int, Line | Damaged]]:
    """The decisions of a log by their line numbers, each once; OSError where it cannot be read.

    A last line that is cut off is what a gateway leaves that was killed: it had decided nothing yet.
    """
    seen: set[str] = set()
    with file.open("rb") as stream:
        for number, data in enumerate(stream, start=1):
            try:
                line = _line(data)
            except Damaged as damage:
                if data.endswith(b"\n"):
                    yield number, damage
                continue
            if line is not None and line.decision_id not in seen:
                seen.add(line.decision_id)
                yield number, line


class Originals:
    """The requests that stand beside a log, found by decision; none where there is no such file."""

    def __init__(self, log: Path) -> None:
        """OSError where the file is there and cannot be read."""
        self._file = log.with_name(log.name + ORIGINALS)
        self._offsets: dict[str, int] = {}
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            offset = 0
            for data in stream:
                found = _json(data)
                if isinstance(found, dict) and isinstance(found.get("decision_id"), str):
                    self._offsets[found["decision_id"]] = offset
                offset += len(data)

    def of(self, decision_id: str) -> object:
        """The request of a decision, None where it is not there."""
        offset = self._offsets.get(decision_id)
        if offset is None:
            return None
        with self._file.open("rb") as stream:
            stream.seek(offset)
            found = _json(stream.readline())
        return found.get("request") if isinstance(found, dict) else None


def _line(data: bytes) -> Line | None:
    """The decision in a line; None where it is about something else."""
    if not data.strip():
        return None
    found = _json(data)
    if not isinstance(found, dict):
        raise Damaged("is no JSON object: cut off, or damaged")
    result = found.get("result")
    verdict = result.get("verdict") if isinstance(result, dict) else None
    if found.get("path") != PATH or "input" not in found or verdict is None:
        return None
    try:
        return Line.model_validate(found)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))
        raise Damaged(f"is no decision as a gateway writes it: {where}") from None


def _json(data: bytes) -> object:
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found
