"""Requests that tests submit, in AWS's own form and as messages."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import yaml

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client.documents import parse_message

APPLICATION = "00f1qr8s3v6pd409"
ROLE = "arn:aws:iam::123456789012:role/emr/data-eng/etl"
CASES = Path(__file__).parent / "cases"


def cases(name: str) -> list[dict[str, Any]]:
    """A table of cases."""
    loaded: list[dict[str, Any]] = yaml.safe_load((CASES / name).read_text(encoding="utf-8"))
    return loaded


def named(case: dict[str, Any]) -> str:
    """A case's name, as its test's id."""
    return str(case["name"])


def body(**members: Any) -> dict[str, Any]:  # noqa: ANN401 - any member
    """The smallest job in AWS's form, with `members` over it and a token of its own."""
    return {
        "applicationId": APPLICATION,
        "clientToken": str(uuid.uuid4()),
        "executionRoleArn": ROLE,
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://release/app.py"}},
        **members,
    }


def message(request: dict[str, Any], *, validate_only: bool = False) -> pb.StartJobRunRequest:
    """The message of a request in AWS's form."""
    made = parse_message(request, pb.StartJobRunRequest)
    made.validate_only = validate_only
    return made


def job(*, validate_only: bool = False, **members: Any) -> pb.StartJobRunRequest:  # noqa: ANN401 - any member
    """The smallest job, with members of AWS's form over it."""
    return message(body(**members), validate_only=validate_only)
