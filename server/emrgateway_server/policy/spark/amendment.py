"""Put one key of Spark's configuration where nothing overrides it.

It is cut out of the string and of every spark-defaults, with the option that sets the same, and put into the first
top-level spark-defaults. What is not cut stays as it was, byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, cast

from emrgateway_server.policy.named import shown_key
from emrgateway_server.policy.spark import defaults
from emrgateway_server.policy.spark.effective import effective, expanded
from emrgateway_server.policy.spark.parameters import Parameters, mixed, readings
from emrgateway_server.shapes import Shape, request_shape

_BLANKS = " \t\n\r"
_KEY = re.compile(r"spark\.[A-Za-z0-9_.$@*/\"'-]+")
_VALUE = re.compile(r"(?![=:])[^\\\x00-\x1f\x7f-\x9f\ud800-\udfff]*")

Configuration = Mapping[str, Any]


class CannotAmend(Exception):
    """The amendment cannot be made; the text says why and what to do, without any value."""


def amended(request: Mapping[str, Any], key: str, value: str) -> dict[str, Any]:
    """A request in which spark.conf[key] effectively is a value; the given one stays as it is.

    `CannotAmend` where there is no room, or where readers of the string do not agree on what would have to be cut.
    """
    _check(request, key, value)
    changed = dict(request)
    spark, certain = _without(request["jobDriver"]["sparkSubmit"], key)
    changed["jobDriver"] = {**request["jobDriver"], "sparkSubmit": spark}
    overrides = dict(request.get("configurationOverrides") or {})
    found = overrides.get("applicationConfiguration") or []
    overrides["applicationConfiguration"] = _amended_configurations(found, key, value)
    changed["configurationOverrides"] = overrides
    if not certain or "${" in value or any(block.is_odd for block in _defaults(changed)):
        _verify(changed, key, value)
    return changed


def _check(request: Mapping[str, Any], key: str, value: str) -> None:
    if "sparkSubmit" not in (request.get("jobDriver") or {}):
        raise CannotAmend("a Hive job has no Spark configuration")
    if not _KEY.fullmatch(key) or len(key) > _limits("key"):
        raise CannotAmend(f"{shown_key(key)} is no key of Spark's that spark-defaults can hold")
    if len(value) > _limits("value"):
        raise CannotAmend(f"policy's value of {key} has more than the {_limits('value')} characters that AWS allows")
    if not _VALUE.fullmatch(value) or value != value.strip():
        raise CannotAmend(f"policy's value of {key} has characters that a properties file reads in its own way")


def _without(spark: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], bool]:
    """The driver less the key in its string, and whether it is plain that the string sets it no more."""
    string = spark.get("sparkSubmitParameters")
    if not string:
        return spark, True
    found = readings(string)
    first, *others = [_spans(read, key) for read in found]
    if any(spans != first for spans in others):
        raise CannotAmend(
            f"readers of the string do not agree on what sets {key} there: take quotes and odd characters out of it"
        )
    arguments = spark.get("entryPointArguments") or ()
    certain = not others and not found[0].strays and not mixed(found[0], arguments)
    if not first:
        return spark, certain
    rest = _less(string, first)
    changed = {name: member for name, member in spark.items() if name != "sparkSubmitParameters"}
    return ({**changed, "sparkSubmitParameters": rest} if rest.strip() else changed), certain


def _spans(read: Parameters, key: str) -> list[tuple[int, int]]:
    """What sets the key in the string, from its first byte to its last."""
    return [read.span(setting) for setting in read.settings if setting.key == key]


def _less(string: str, spans: Sequence[tuple[int, int]]) -> str:
    """The string without the spans; with each go the blanks before it, or after it where nothing is left before it."""
    rest, end = "", 0
    for start, stop in spans:
        kept = string[end:start].rstrip(_BLANKS)
        rest += kept if rest or not end else kept.lstrip(_BLANKS)
        end = stop
    kept = string[end:]
    return rest + (kept if rest.strip(_BLANKS) else kept.lstrip(_BLANKS))


def _amended_configurations(found: Sequence[Configuration], key: str, value: str) -> list[Configuration]:
    """The configurations with the key in the first top-level spark-defaults, and in no other."""
    amended_list: list[Configuration] = []
    placed = False
    for configuration in found:
        left = _less_key(configuration, key)
        if not placed and configuration.get("classification") == defaults.CLASSIFICATION:
            left, placed = _with_key(left or {"classification": defaults.CLASSIFICATION}, key, value), True
        if left is not None:
            amended_list.append(left)
    if not placed:
        amended_list.append({"classification": defaults.CLASSIFICATION, "properties": {key: value}})
        most = _limits("configurations")
        if len(amended_list) > most:
            raise CannotAmend(f"no room for {key}: there are the {most} configuration objects that AWS allows")
    return amended_list


def _less_key(configuration: Configuration, key: str) -> Configuration | None:
    """A configuration without the key in any spark-defaults of it; None where nothing is left of it.

    AWS reads empty properties as "remove the application's", which nobody asked for.
    """
    changed = dict(configuration)
    properties, inner = configuration.get("properties"), configuration.get("configurations")
    if properties and defaults.is_defaults(configuration.get("classification") or ""):
        changed["properties"] = {each: value for each, value in properties.items() if each.strip() != key}
    if inner:
        changed["configurations"] = [left for each in inner if (left := _less_key(each, key)) is not None]
    for member, was in (("properties", properties), ("configurations", inner)):
        if was and not changed[member]:
            del changed[member]
    return None if (properties or inner) and not ("properties" in changed or "configurations" in changed) else changed


def _with_key(configuration: Configuration, key: str, value: str) -> Configuration:
    properties = {**(configuration.get("properties") or {}), key: value}
    most = _limits("properties")
    if len(properties) > most:
        raise CannotAmend(f"no room for {key}: its spark-defaults has the {most} properties that AWS allows")
    return {**configuration, "properties": properties}


def _verify(request: Mapping[str, Any], key: str, value: str) -> None:
    """`CannotAmend` where the key has another value in any reading of the request."""
    spark = request["jobDriver"]["sparkSubmit"]
    found = _defaults(request)
    for own in readings(spark.get("sparkSubmitParameters") or ""):
        if own.files:
            raise CannotAmend(f"--properties-file takes {key} out of effect: write its settings into spark-defaults")
        for read in (own, *mixed(own, spark.get("entryPointArguments") or ())):
            for base in defaults.merged(found):
                for raw in effective(base, read):
                    if any(way.get(key, ("",))[0] != value for way in (raw, expanded(raw)) if way is not None):
                        raise CannotAmend(f"{key} would not have policy's value in every reading of the request")


def _defaults(request: Mapping[str, Any]) -> list[defaults.Block]:
    return [block for block in defaults.blocks(request) if defaults.is_defaults(block.classification)]


@cache
def _limits(part: str) -> int:
    """The model's limit of a part of a Configuration: of its objects, properties, a key's or a value's characters."""
    configurations = request_shape("StartJobRun").members["configurationOverrides"].members["applicationConfiguration"]
    properties = cast("Shape", configurations.element).members["properties"]
    shapes = {"configurations": configurations, "properties": properties}
    shapes |= {"key": cast("Shape", properties.key), "value": cast("Shape", properties.element)}
    return cast("int", shapes[part].maximum)
