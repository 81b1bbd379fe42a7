"""An AWS that stands as tests say, and gateways before it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.server.conftest import serve
from tests.server.gateways import ACCOUNT, REGION, configuration, serving

from .scripted_aws import ScriptedAws, scripted_aws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.server.gateways import Gateway

__all__ = ["aws", "gateway", "serve"]

FAST = {name: {"per_second": 1_000, "burst": 1_000} for name in ("StartJobRun", "GetJobRun", "ListJobRuns")}


def sections(aws: ScriptedAws, **limits: object) -> Mapping[str, object]:
    """Of a configuration whose rates are no bound."""
    target = {"name": "default", "account": ACCOUNT, "region": REGION, "endpoint_url": aws.url, "rates": FAST}
    return {"targets": [target], "limits": {"drain_pause_seconds": 0, **limits}}


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[ScriptedAws]:
    """Run the AWS that tests share."""
    with scripted_aws() as running:
        yield running


@pytest.fixture
def aws(shared_aws: ScriptedAws) -> ScriptedAws:
    """An AWS without runs and faults."""
    shared_aws.runs.clear()
    shared_aws.unlisted.clear()
    shared_aws.calls.clear()
    shared_aws.fault, shared_aws.seconds = None, 0.0
    shared_aws.faulty = frozenset({"GetJobRun", "ListJobRuns", "StartJobRun"})
    return shared_aws


@pytest.fixture(scope="session")
def shared_gateway(shared_aws: ScriptedAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run the gateway that tests share."""
    with contextlib.ExitStack() as stack:
        settings = configuration(shared_aws.url, **sections(shared_aws))
        yield stack.enter_context(serving(tmp_path_factory.mktemp("watched"), settings))


@pytest.fixture
def gateway(shared_gateway: Gateway, aws: ScriptedAws) -> Gateway:  # noqa: ARG001 - fresh for each test
    """The shared gateway, before an AWS that is fresh."""
    return shared_gateway
