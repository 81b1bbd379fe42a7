"""Spark settings that the gateway puts on a run by itself: its place in a trace, where nobody has given it one.

They go into the first top-level spark-defaults, the weakest place there is: whatever a caller says elsewhere wins. What
would change the meaning of anything else in the request is not done: the setting is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from emrgateway_server.policy.spark import defaults
from emrgateway_server.shapes import Shape, request_shape

# The gateway stamps them itself, after the caller and policy have had their say.
STAMPED_CONF = frozenset({"spark.emr-serverless.driverEnv.TRACEPARENT", "spark.executorEnv.TRACEPARENT"})

NO_ROOM = "no_room"
UNREADABLE = "unreadable"  # spark-defaults that readers disagree on, or that say to remove the application's
REFUSED = "policy"


@dataclass(frozen=True, slots=True)
class Stamped:
    """A request with settings put on it. `left_out` says why some were not, and is empty where all are there.

    `has_new_block` says that it had no spark-defaults of its own.
    """

    request: Mapping[str, Any]
    left_out: str = ""
    has_new_block: bool = False


def stamped(request: Mapping[str, Any], conf: Mapping[str, str]) -> Stamped:
    """A StartJobRun in AWS's form with the settings that it does not have; the given one stays as it is."""
    spark = (request.get("jobDriver") or {}).get("sparkSubmit")
    if spark is None or not conf:
        return Stamped(request)
    blocks = defaults.blocks(request)
    own = {key.strip() for block in blocks for key in block.properties}
    string = spark.get("sparkSubmitParameters") or ""
    new = {key: value for key, value in conf.items() if key not in own and key not in string}
    found = [block for block in blocks if defaults.is_defaults(block.classification)]
    if not new:
        return Stamped(request)
    if any(block.classification != defaults.CLASSIFICATION or block.is_odd for block in found):
        return Stamped(request, UNREADABLE)
    return _placed(request, new)


def _placed(request: Mapping[str, Any], new: Mapping[str, str]) -> Stamped:
    overrides = request.get("configurationOverrides") or {}
    configurations = list(overrides.get("applicationConfiguration") or ())
    index = _first(configurations)
    if index is None:
        configurations.append({"classification": defaults.CLASSIFICATION, "properties": new})
    else:
        block = configurations[index]
        if not (block.get("properties") or block.get("configurations")):
            return Stamped(request, UNREADABLE)
        configurations[index] = {**block, "properties": {**(block.get("properties") or {}), **new}}
    most, most_properties = _limits()
    if (
        len(configurations) > most
        or len(configurations[-1 if index is None else index]["properties"]) > most_properties
    ):
        return Stamped(request, NO_ROOM)
    overrides = {**overrides, "applicationConfiguration": configurations}
    return Stamped({**request, "configurationOverrides": overrides}, has_new_block=index is None)


def _first(configurations: Sequence[Mapping[str, Any]]) -> int | None:
    """Where the first top-level spark-defaults stands."""
    return next(
        (index for index, each in enumerate(configurations) if each.get("classification") == defaults.CLASSIFICATION),
        None,
    )


@cache
def _limits() -> tuple[int, int]:
    """AWS's limits: of configuration objects, and of properties in one."""
    configurations = request_shape("StartJobRun").members["configurationOverrides"].members["applicationConfiguration"]
    properties = cast("Shape", configurations.element).members["properties"]
    return cast("int", configurations.maximum), cast("int", properties.maximum)
