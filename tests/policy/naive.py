"""Policy judged as the design's words go, straight off the documents: slow, plain, and none of the server's code.

The property tests hold the engine against this one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from . import naive_globs

FIELDS = {
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
# Those of the others are plain; an ARN's is told by its look.
_KINDS = {
    "execution_role_arn": "",
    "execution_iam_policy.policy_arns": "",
    "job_driver.spark_submit.entry_point": "path",
    "job_driver.hive.query": "path",
}
_LABEL = re.compile(r"\$\$|\$\{caller\.(id|labels\.[^}]+)\}")


@dataclass
class Verdict:
    """What comes of a request: the ids that deny it, those that warn, and the request as amended."""

    denied: set[str] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
    request: dict[str, Any] = field(default_factory=dict)


class _Missing(Exception):
    """A label that the caller lacks."""


@dataclass
class _Rule:
    id: str
    says: Mapping[str, Any]
    enforces: bool
    is_clear: bool  # whether it is known to speak of the caller and the application


def judge(
    documents: Sequence[Mapping[str, Any]],
    caller: tuple[str, Mapping[str, str]],
    request: Mapping[str, Any],
    stamps: Mapping[str, str],
) -> Verdict:
    """Judge a request by documents as a YAML file would hold them."""
    verdict = Verdict(request=copy.deepcopy(dict(request)))
    in_order = sorted(documents, key=lambda each: str(each["metadata"]["name"]))
    rules = [rule for rule in _in_force(in_order, caller, request) if _can_be_read(rule, caller, verdict)]
    _amend(rules, caller, verdict)
    _stamp(rules, request, stamps, verdict)
    _grant(in_order, caller, verdict)
    for rule in rules:
        if any(_broken(rule.says, caller, verdict.request)) or (not rule.enforces and rule.id in verdict.warned):
            (verdict.denied if rule.enforces else verdict.warned).add(rule.id)
    return verdict


def _in_force(
    documents: Sequence[Mapping[str, Any]], caller: tuple[str, Mapping[str, str]], request: Mapping[str, Any]
) -> Iterator[_Rule]:
    for each in documents:
        for rule in each.get("rules", []):
            driver = re.match(r"job_driver\.(spark_submit|hive)\.", rule["field"])
            is_there = not driver or FIELDS[rule["field"]].split(".")[1] in request["jobDriver"]
            answers = [_speaks_to(part.get("match", {}), caller, request) for part in (each, rule)]
            if is_there and False not in answers:
                mode = rule.get("mode", each.get("mode", "enforce"))
                full_id = f"{each['metadata']['name']}/{rule['id']}"
                yield _Rule(full_id, rule, mode == "enforce", is_clear=None not in answers)


def _speaks_to(
    match: Mapping[str, Any], caller: tuple[str, Mapping[str, str]], request: Mapping[str, Any]
) -> bool | None:
    """None where it takes a label that the caller lacks to know."""
    name, labels = caller
    wanted = [(match.get("callers"), name), (match.get("applications"), request["applicationId"])]
    wanted += [(globs, labels.get(label)) for label, globs in match.get("labels", {}).items()]
    answers = [globs is None or (value is not None and _matches_any(globs, value, caller)) for globs, value in wanted]
    return False if False in answers else None if None in answers else True


def _matches_any(
    globs: Sequence[object], value: str, caller: tuple[str, Mapping[str, str]], kind: str = ""
) -> bool | None:
    """Whether one matches; None where none does, and one that needs a missing label might have."""
    is_missing = False
    for glob in globs:
        try:
            if naive_globs.matches(_glob(glob, caller), value, kind):
                return True
        except _Missing:
            is_missing = True
    return None if is_missing else False


def _glob(text: object, caller: tuple[str, Mapping[str, str]]) -> str:
    """A glob as this caller meets it; a label's star stands for itself."""
    labels = {label: value.replace("*", naive_globs.STAR) for label, value in caller[1].items()}
    return _rendered(text, (caller[0], labels))


def _rendered(text: object, caller: tuple[str, Mapping[str, str]]) -> str:
    def _value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] == "id":
            return caller[0]
        label = match[1].removeprefix("labels.")
        if label not in caller[1]:
            raise _Missing(label)
        return caller[1][label]

    return _LABEL.sub(_value, _text(text))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _can_be_read(rule: _Rule, caller: tuple[str, Mapping[str, str]], verdict: Verdict) -> bool:
    """A rule that needs a label which the caller lacks is DENIED builtin/template, and does nothing else."""
    values = [rule.says[verb] for verb in ("set", "default", "fixed") if verb in rule.says]
    try:
        for value in [*values, *rule.says.get("allow", []), *rule.says.get("deny", [])]:
            _rendered(value, caller)
        is_readable = rule.is_clear
    except _Missing:
        is_readable = False
    if not is_readable:
        (verdict.denied if rule.enforces else verdict.warned).add("builtin/template")
    return is_readable


def _amend(rules: Sequence[_Rule], caller: tuple[str, Mapping[str, str]], verdict: Verdict) -> None:
    """All `set` and `fixed`, then all `default`, then clamps by `max`, then by `min`."""

    def _set(says: Mapping[str, Any], now: object) -> object:
        return says.get("set", says.get("fixed") if now is None else None)

    def _default(says: Mapping[str, Any], now: object) -> object:
        return says.get("default") if now is None else None

    def _max(says: Mapping[str, Any], now: object) -> object:
        number = _number(says["field"], verdict.request)
        too_large = "max" in says and (now is None or (number is not None and number > says["max"]))
        return says["max"] if says.get("otherwise") == "clamp" and too_large else None

    def _min(says: Mapping[str, Any], _: object) -> object:
        number = _number(says["field"], verdict.request)
        too_small = number is not None and "min" in says and number < says["min"]
        return says["min"] if says.get("otherwise") == "clamp" and too_small else None

    steps: list[Callable[[Mapping[str, Any], object], object]] = [_set, _default, _max, _min]
    for step in steps:
        for rule in rules:
            now = get(verdict.request, rule.says["field"])
            value = step(rule.says, now)
            value = None if value is None else _typed(rule.says["field"], value, caller)
            if value is not None and value != now:
                if rule.enforces:
                    _put(verdict.request, rule.says["field"], value)
                else:
                    verdict.warned.add(rule.id)


def _typed(path: str, value: object, caller: tuple[str, Mapping[str, str]]) -> object:
    is_typed = path in ("execution_timeout_minutes", "retry_policy.max_attempts", "flex_execution.enabled")
    return value if is_typed else _rendered(value, caller)


def get(request: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - whatever stands there
    """The value of a field, None where it is unset."""
    if path.startswith("tags."):
        return request.get("tags", {}).get(path[5:])
    value: Any = request
    for member in FIELDS[path].split("."):
        value = None if value is None else value.get(member)
    return value


def _put(request: dict[str, Any], path: str, value: object) -> None:
    if path.startswith("tags."):
        request.setdefault("tags", {})[path[5:]] = value
        return
    *outer, last = FIELDS[path].split(".")
    for member in outer:
        request = request.setdefault(member, {})
    request[last] = value


def _number(path: str, request: Mapping[str, Any]) -> float | None:
    """The number that a field counts as; None where it is none, or unset with no default that AWS tells."""
    value = get(request, path)
    if path == "execution_timeout_minutes":
        if value is None:
            return inf if request.get("mode") == "STREAMING" else 720
        return inf if value == 0 else float(value)
    return float(value) if re.fullmatch(r"[0-9]+", str(value)) else None


def _stamp(rules: Sequence[_Rule], original: Mapping[str, Any], stamps: Mapping[str, str], verdict: Verdict) -> None:
    ruled = [rule.says["field"][5:] for rule in rules if rule.enforces and rule.says["field"].startswith("tags.")]
    for key in original.get("tags", {}):
        is_reserved = key.strip().lower().startswith(("aws:", "emr-gateway:"))
        is_like = key not in ruled and _bare(key) in map(_bare, ruled)
        if is_reserved or is_like:
            verdict.denied.add("builtin/tags")
    if stamps:
        verdict.request["tags"] = {**verdict.request.get("tags", {}), **stamps}
    if len(verdict.request.get("tags", {})) > 50:
        verdict.denied.add("builtin/tags")


def _bare(key: str) -> str:
    return re.sub(r"\s", "", key).lower()


def _grant(documents: Sequence[Mapping[str, Any]], caller: tuple[str, Mapping[str, str]], verdict: Verdict) -> None:
    """ONE grant must cover action, application and role."""
    request = verdict.request
    grants = [
        grant
        for each in documents
        for grant in each.get("grants", [])
        if "start" in grant["actions"]
        and all(_speaks_to(part.get("match", {}), caller, request) for part in (each, grant))
        and _matches_any(grant["applications"], request["applicationId"], caller)
    ]
    if not grants:
        verdict.denied.add("grant/application")
    elif not any(_matches_any(grant["roles"], request["executionRoleArn"], caller) for grant in grants):
        verdict.denied.add("grant/role")


def _broken(
    says: Mapping[str, Any], caller: tuple[str, Mapping[str, str]], request: Mapping[str, Any]
) -> Iterator[bool]:
    """For each constraint, whether the request breaks it."""
    value = get(request, says["field"])
    texts = [_text(item) for item in (value if isinstance(value, list) else [value])] if value is not None else []
    if "fixed" in says:
        yield value != _typed(says["field"], says["fixed"], caller)
    if says.get("required"):
        yield value is None or value in ("", [], {})
    if says.get("forbidden"):
        yield value is not None
    kind = _KINDS.get(says["field"], "plain")
    for text in texts:
        if "allow" in says:
            yield not _matches_any(says["allow"], text, caller, kind)
        if "deny" in says:
            yield any(naive_globs.denies(_glob(glob, caller), text, kind) for glob in says["deny"])
        if "pattern" in says:
            yield not re.fullmatch(says["pattern"], text)
    if "min" in says or "max" in says:
        number = _number(says["field"], request)
        yield number is None and value is not None
        yield number is not None and not says.get("min", -inf) <= number <= says.get("max", inf)
