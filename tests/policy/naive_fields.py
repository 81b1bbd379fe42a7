"""A field's values and numbers in a request, and how one is put there, as the design's words go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from . import naive_configurations, naive_lists, naive_sizes, naive_spark

MEMBERS = {
    "name": "name",
    "mode": "mode",
    "execution_timeout_minutes": "executionTimeoutMinutes",
    "execution_role_arn": "executionRoleArn",
    "retry_policy": "retryPolicy",
    "retry_policy.max_attempts": "retryPolicy.maxAttempts",
    "flex_execution.enabled": "flexExecution.enabled",
    "execution_iam_policy.policy_arns": "executionIamPolicy.policyArns",
    "job_driver.spark_submit.entry_point": "jobDriver.sparkSubmit.entryPoint",
    "job_driver.hive.query": "jobDriver.hive.query",
}
TYPED = ("execution_timeout_minutes", "retry_policy.max_attempts", "flex_execution.enabled")
LISTS: dict[str, Callable[[Mapping[str, Any], naive_spark.Reading | None], list[str]]] = {
    "artifacts": naive_lists.artifacts,
    "classifications": naive_lists.classifications,
    "destinations": naive_lists.destinations,
    "kms_keys": naive_lists.kms_keys,
    "roles": naive_lists.roles,
}
NUMBERS = ("max_cost_usd", "max_runtime_minutes", "spark.max_disk_gb", "spark.max_memory_gb", "spark.max_vcpus")
# What a value is whose look does not tell: plain, a path, a log group, a Spark key; "" goes by the look alone.
_KINDS = {
    "execution_role_arn": "",
    "execution_iam_policy.policy_arns": "",
    "job_driver.spark_submit.entry_point": "path",
    "job_driver.hive.query": "path",
    "artifacts": "path",
    "destinations": "group",
    "kms_keys": "",
    "roles": "",
    "spark.conf": "key",
}

# Keys that the gateway itself sets.
_STAMPED = ("spark.emr-serverless.driverEnv.TRACEPARENT", "spark.executorEnv.TRACEPARENT")


@dataclass(frozen=True)
class View:
    """A request as one of its readers has it; a Hive job has no reading."""

    request: Mapping[str, Any]
    reading: naive_spark.Reading | None
    prices: naive_sizes.Prices


def views(request: Mapping[str, Any], prices: naive_sizes.Prices) -> list[View]:
    """The request as each of its readers has it."""
    if not naive_spark.is_spark(request):
        return [View(request, None, prices)]
    return [View(request, reading, prices) for reading in naive_spark.readings(request)]


def exists(path: str, request: Mapping[str, Any]) -> bool:
    """Whether the job has such a field."""
    if path.startswith("spark."):
        return naive_spark.is_spark(request)
    driver = re.match(r"job_driver\.(spark_submit|hive)\.", path)
    return not driver or MEMBERS[path].split(".")[1] in request["jobDriver"]


def reads_parameters(path: str) -> bool:
    """Whether a rule on the field has the job's Spark parameters read."""
    of_request_alone = ("classifications", "max_runtime_minutes")
    return path.startswith("spark.") or (path in (*LISTS, *NUMBERS) and path not in of_request_alone)


def kind(path: str) -> str:
    """What a value of the field is where its look does not tell."""
    return _KINDS.get(path, "plain")


def parts(path: str, value: str) -> list[str]:
    """What globs and patterns are held against: each item of a setting that is a list of code."""
    is_list = path.startswith("spark.conf[") and _key(path) in naive_lists.CODE
    return naive_lists.items(value) if is_list else [value]


def get(view: View, path: str) -> Any:  # noqa: ANN401 - whatever stands there
    """The value of a field, None where it is unset; a list where it has many."""
    request = view.request
    if path.startswith("tags."):
        return request.get("tags", {}).get(path[5:])
    if path in LISTS:
        return LISTS[path](request, view.reading) or None
    if path == "spark.parameters":
        return sorted(naive_spark.kinds(request)) or None
    if path.startswith("spark.conf"):
        conf = view.reading.conf if view.reading else {}
        return ([key for key in conf if key not in _STAMPED] or None) if path == "spark.conf" else conf.get(_key(path))
    if path.startswith("configurations["):
        classification, key = path[len("configurations[") : -1].split("][")
        found = naive_configurations.entries(request, classification)
        return [value for each, value in found if each == key] or None
    value: Any = request
    for member in MEMBERS[path].split("."):
        value = None if value is None else value.get(member)
    return value


def put(request: dict[str, Any], path: str, value: Any) -> bool:  # noqa: ANN401 - whatever stands there
    """Make the field that value; False where there is no room for it."""
    if path.startswith("tags."):
        request.setdefault("tags", {})[path[5:]] = value
    elif path.startswith("spark.conf["):
        return naive_spark.amended(request, _key(path), value)
    elif path.startswith("configurations["):
        classification, key = path[len("configurations[") : -1].split("][")
        return naive_configurations.put(request, classification, key, value)
    else:
        *outer, last = MEMBERS[path].split(".")
        for member in outer:
            request = request.setdefault(member, {})
        request[last] = value
    return True


def bound(said: object) -> float:
    """A `min` or `max` as a number."""
    number = naive_sizes.size(said) if isinstance(said, str) else float(str(said))
    if number is None:
        raise ValueError(f"{said} is no bound")
    return number


def number(view: View, path: str, value: object) -> float | None:
    """The number that a value of the field counts as; None where it is none, or unset with no default known."""
    request, conf = view.request, view.reading.conf if view.reading else {}
    if path in NUMBERS:
        return derived_number(view, path)
    if path.startswith("spark.conf["):
        key = _key(path)
        return naive_sizes.default_of(key, conf) if value is None else naive_sizes.of_conf(key, str(value))
    if path == "execution_timeout_minutes":
        if value is None:
            return inf if request.get("mode") == "STREAMING" else 720
        return inf if value == 0 else float(str(value))
    return float(str(value)) if re.fullmatch(r"[0-9]+", str(value)) else None


def derived_number(view: View, path: str) -> float | None:
    """A derived number; None where a setting that it is made of is none."""
    if path == "max_runtime_minutes":
        return naive_sizes.minutes(view.request)
    if view.reading is None:
        return inf if path == "max_cost_usd" else None
    sizes = {
        "spark.max_disk_gb": naive_sizes.disk_gb,
        "spark.max_memory_gb": naive_sizes.memory_gb,
        "spark.max_vcpus": naive_sizes.vcpus,
    }
    if path in sizes:
        return sizes[path](view.reading.conf)
    return naive_sizes.cost(view.reading.conf, naive_sizes.minutes(view.request), view.prices)


def _key(path: str) -> str:
    return path[len("spark.conf[") : -1]
