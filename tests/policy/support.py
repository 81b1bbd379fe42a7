"""Policies and requests as the tests of this folder write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore import xform_name

from emrgateway_server import engines
from emrgateway_server.policy import Engine, Prices, fields
from emrgateway_server.policy.subject import Subject, View

CALLER = "spiffe://prod.example.com/ns/data-eng/sa/etl"
LABELS = {"team": "data-eng"}
STAMPS = {"emr-gateway:caller": CALLER, "emr-gateway:submission": "f" * 64, "emr-gateway:intent": "0" * 64}
REQUEST: Mapping[str, Any] = {
    "applicationId": "00f1qr8s3v6pd409",
    "clientToken": "token-1",
    "executionRoleArn": "arn:aws:iam::123456789012:role/emr/data-eng/etl",
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/main.py"}},
}
GRANT_ALL = {"actions": ["start"], "applications": ["**"], "roles": ["**"]}


def document(name: str = "p", **parts: object) -> dict[str, object]:
    """A policy document that says `parts`."""
    return {"apiVersion": "emrgateway/v1", "kind": "Policy", "metadata": {"name": name}, **parts}


def engine(folder: Path, documents: Sequence[Mapping[str, object]], prices: Prices | None = None) -> Engine:
    """The engine of a directory with one file that holds all of `documents`."""
    return engines.load(written(folder, documents), prices)


def written(folder: Path, documents: Sequence[Mapping[str, object]]) -> Path:
    """The folder, with the documents in its one file (JSON is YAML)."""
    (folder / "policy.yaml").write_text("\n---\n".join(map(json.dumps, documents)), encoding="utf-8")
    return folder


def request(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The plainest request, with some members changed; None takes one out."""
    return {name: value for name, value in {**REQUEST, **(changes or {})}.items() if value is not None}


def value_at(aws_request: Mapping[str, Any], path: str) -> object:
    """What stands at a snake_case path of a request in AWS's form, None where nothing does."""
    if path.startswith("tags."):
        return aws_request.get("tags", {}).get(path.removeprefix("tags."))
    if path.startswith(("spark.", "configurations[")):
        return fields.find(path).get(View(Subject(aws_request)))
    value: Any = aws_request
    for part in path.split("."):
        value = {xform_name(member): item for member, item in (value or {}).items()}.get(part)
    return value
