"""The policy engine put together: its documents, and the message that its expressions read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_server import policy, shapes, translate
from emrgateway_server.policy import Engine, Prices
from emrgateway_server.settings import Settings

_START = shapes.request_shape("StartJobRun")


def load(directory: str | Path, prices: Prices | None = None, *, serving: bool = False) -> Engine:
    """The engine of a policy directory, or `ConfigurationError` with every mistake in it.

    `serving` refuses a rule that only `prices` can tell, where there are none; else such a rule denies.
    """
    return Engine(policy.load_directory(directory, prices, serving=serving), message_of)


def prices(settings: Settings) -> Prices | None:
    """The prices of a configuration, if it has any."""
    given = settings.prices
    return None if given is None else Prices(given.vcpu_hour, given.memory_gb_hour, given.disk_gb_hour)


def message_of(request: Mapping[str, Any]) -> pb.StartJobRunRequest:
    """The message of a request in AWS's form."""
    return translate.from_aws(request, pb.StartJobRunRequest, _START)
