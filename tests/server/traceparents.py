"""The place in a trace that the gateway gives to jobs, worked out here from what is promised of it alone."""

from __future__ import annotations

import copy
import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER = "spark.emr-serverless.driverEnv.TRACEPARENT"
EXECUTOR = "spark.executorEnv.TRACEPARENT"


def traceparent(upstream_token: str) -> str:
    """What a run of this token is told."""
    digest = hashlib.sha256(b"emr-gateway job trace\0" + upstream_token.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-01"


def without(sent: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS got for a request, less what the gateway itself put there; the caller's own stays."""
    left: dict[str, Any] = copy.deepcopy(dict(sent))
    own = traceparent(left["clientToken"])
    overrides = left.get("configurationOverrides", {})
    blocks = overrides.get("applicationConfiguration", [])
    first = next((block for block in blocks if block.get("classification") == "spark-defaults"), None)
    if first is None or own not in first.get("properties", {}).values():
        return left
    first["properties"] = {key: value for key, value in first["properties"].items() if value != own}
    if not first["properties"]:
        del first["properties"]
    if first == {"classification": "spark-defaults"}:
        blocks.remove(first)
    if not blocks:
        del overrides["applicationConfiguration"]
    if not overrides and "configurationOverrides" not in request:
        del left["configurationOverrides"]
    return left
