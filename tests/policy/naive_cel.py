"""A few CEL expressions and what each means, said in Python: so that no CEL is needed on the naive side."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .naive_templates import Caller


class Errs(Exception):
    """The expression cannot be evaluated; `field` is the derived one that there is none of, if that is why."""

    def __init__(self, field: str = "") -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Scope:
    """What an expression reads."""

    request: Mapping[str, Any]
    caller: Caller
    derived: Callable[[str], Any]

    def number(self, field: str) -> float:
        """A derived number."""
        found = self.derived(field)
        if found is None:
            raise Errs(field)
        return float(found)

    def tag(self, key: str) -> str:
        """A tag that must be there."""
        tags: Mapping[str, str] = self.request.get("tags", {})
        if key not in tags:
            raise Errs
        return tags[key]

    def label(self, key: str) -> str:
        """A label that the caller must have."""
        if key not in self.caller[1]:
            raise Errs
        return self.caller[1][key]


def _either(one: Callable[[Scope], bool], other: Callable[[Scope], bool]) -> Callable[[Scope], bool]:
    """CEL's ||: true where one side is, though the other errs."""

    def _holds(scope: Scope) -> bool:
        answers: list[bool | Errs] = []
        for side in (one, other):
            try:
                answers.append(side(scope))
            except Errs as error:
                answers.append(error)
        if True in answers:
            return True
        for answer in answers:
            if isinstance(answer, Errs):
                raise answer
        return False

    return _holds


EXPRESSIONS: dict[str, Callable[[Scope], bool]] = {
    "true": lambda _: True,
    "request.name == 'x'": lambda scope: scope.request.get("name", "") == "x",
    "request.execution_timeout_minutes > 60": lambda scope: scope.request.get("executionTimeoutMinutes", 0) > 60,
    "has(request.execution_timeout_minutes)": lambda scope: "executionTimeoutMinutes" in scope.request,
    "request.mode == JobRunMode.JOB_RUN_MODE_STREAMING": lambda scope: scope.request.get("mode") == "STREAMING",
    "'team' in request.tags": lambda scope: "team" in scope.request.get("tags", {}),
    "'emr-gateway:caller' in request.tags": lambda scope: "emr-gateway:caller" in scope.request.get("tags", {}),
    "size(request.tags) < 4": lambda scope: len(scope.request.get("tags", {})) < 4,
    "request.tags['team'] == 'x'": lambda scope: scope.tag("team") == "x",
    "caller.labels.team == 'x'": lambda scope: scope.label("team") == "x",
    "caller.id.startsWith('spiffe://d/')": lambda scope: scope.caller[0].startswith("spiffe://d/"),
    "has(request.job_driver.hive)": lambda scope: "hive" in scope.request["jobDriver"],
    "max_runtime_minutes <= 720": lambda scope: scope.number("max_runtime_minutes") <= 720,
    "spark.max_vcpus < 50.0": lambda scope: scope.number("spark.max_vcpus") < 50,
    "request.name == 'x' || spark.max_vcpus < 50.0": _either(
        lambda scope: scope.request.get("name", "") == "x", lambda scope: scope.number("spark.max_vcpus") < 50
    ),
    "'s3://x/z' in artifacts": lambda scope: "s3://x/z" in scope.derived("artifacts"),
    "size(destinations) == 0": lambda scope: not scope.derived("destinations"),
    "'spark.a' in spark.conf": lambda scope: "spark.a" in scope.derived("spark.conf"),
    "spark.parameters.size() == 0": lambda scope: not scope.derived("spark.parameters"),
    "roles.exists(role, role.endsWith('/x/z')) && kms_keys.all(key, key.startsWith('arn:'))": lambda scope: (
        any(role.endswith("/x/z") for role in scope.derived("roles"))
        and all(key.startswith("arn:") for key in scope.derived("kms_keys"))
    ),
    "max_cost_usd < 100 || spark.max_memory_gb > 500 || spark.max_disk_gb == 100": _either(
        _either(
            lambda scope: scope.number("max_cost_usd") < 100, lambda scope: scope.number("spark.max_memory_gb") > 500
        ),
        lambda scope: scope.number("spark.max_disk_gb") == 100,
    ),
    "'hive-site' in classifications": lambda scope: "hive-site" in scope.derived("classifications"),
}


def derived_in(source: str) -> set[str]:
    """The derived fields that one of them reads."""
    return set(
        re.findall(r"\b(?:max_[a-z_]+|spark\.[a-z_]+|artifacts|classifications|destinations|kms_keys|roles)\b", source)
    )


def holds(source: str, scope: Scope) -> bool:
    """Whether an expression holds; `Errs` where it cannot be told."""
    return EXPRESSIONS[source](scope)
