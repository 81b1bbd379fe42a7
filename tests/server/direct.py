"""The way to AWS without the gateway before it: targets in this process."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from emrgateway_server.emr import AssumedRole, Rate, Target, Traffic

from .gateways import surroundings

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

FAST = {"StartJobRun": Rate(1_000, 1_000), "GetJobRun": Rate(1_000, 1_000), "ListJobRuns": Rate(1_000, 1_000)}
CALLER = "spiffe://local/etl"


@contextlib.contextmanager
def target(url: str, *, rates: dict[str, Rate] | None = None, role: AssumedRole | None = None) -> Iterator[Target]:
    """A target whose endpoint is `url`."""
    traffic = Traffic(replicas=1, most_waiting=8, most_at_once=8)
    made = Target(
        name="tested",
        account="123456789012",
        region="us-east-1",
        endpoint_url=url,
        applications=["**"],
        version="test",
        traffic=traffic,
        rates=FAST if rates is None else rates,
        role=role,
    )
    try:
        yield made
    finally:
        made.close()
        traffic.close()


def start(application: str, token: str = "token") -> dict[str, Any]:  # noqa: S107 - an idempotency token, no password
    """A StartJobRun in AWS's form."""
    return {
        "applicationId": application,
        "clientToken": token,
        "executionRoleArn": "arn:aws:iam::123456789012:role/etl",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://release/app.py"}},
    }


def with_surroundings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    """Set this process's environment to what the gateway's would be, and `variables`."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in surroundings(**variables).items():
        monkeypatch.setenv(name, value)
