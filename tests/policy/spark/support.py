"""Requests as the tests of this folder write them, and their tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server.policy import facts

JAR = {"entryPoint": "s3://release/main.jar"}


def spark(string: str = "", configuration: object = (), **driver: object) -> dict[str, Any]:
    """A Spark job with these parameters, application configuration and members of its driver."""
    parameters = {"sparkSubmitParameters": string} if string else {}
    request: dict[str, Any] = {
        "applicationId": "00f1qr8s3v6pd409",
        "executionRoleArn": "arn:aws:iam::123456789012:role/emr/etl",
        "jobDriver": {"sparkSubmit": {**JAR, **parameters, **driver}},
    }
    if configuration:
        request["configurationOverrides"] = {"applicationConfiguration": configuration}
    return request


def defaults(properties: Mapping[str, str], *inner: object) -> dict[str, Any]:
    """A spark-defaults block."""
    block: dict[str, Any] = {"classification": "spark-defaults", "properties": dict(properties)}
    return {**block, "configurations": list(inner)} if inner else block


def of(case: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a case: `request` whole, or `string`, `defaults` (one or several), `configuration`, `driver`."""
    if "request" in case:
        return dict(case["request"])
    blocks = case.get("defaults", [])
    configuration = [defaults(block) for block in (blocks if isinstance(blocks, list) else [blocks])]
    return spark(case.get("string", ""), [*configuration, *case.get("configuration", [])], **case.get("driver", {}))


def values(reading: facts.Reading) -> dict[str, str]:
    """The effective configuration of a reading, without places."""
    return {key: named.value for key, named in reading.conf.items()}


def table(name: str) -> list[Any]:
    """The cases of a table beside the tests, each named after its description."""
    cases = yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["description"]) for case in cases]
