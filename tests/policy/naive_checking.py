"""Pass 3 as the design's words go: every constraint of every rule, under every reading of the amended request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from . import naive_amending, naive_fields, naive_globs, naive_spark
from .naive_case import Case, Rule
from .naive_fields import View
from .naive_templates import glob, matches_any, text

# Kinds of which the design says how they are read where they are allowed: by blanks and by a shell, or each choice.
_CLEAR_KINDS = {"quotes", "backslash", "blanks", "duplicate-defaults"}


def check(rules: Sequence[Rule], case: Case) -> None:
    """Tell every rule that the request breaks."""
    for rule in rules:
        if any(any(_broken(rule, view, case)) for view in case.views()):
            case.tell(rule)


def check_parameters(rules: Sequence[Rule], case: Case) -> None:
    """The kinds of trouble that not every matching rule on `spark.parameters` allows; with no such rule, all."""
    request = case.verdict.request
    applying = [rule for rule in rules if case.applies(rule)]
    readers = [rule for rule in rules if rule.condition_reads_parameters]
    readers += [rule for rule in applying if rule.reads_parameters]
    if not readers or not naive_spark.is_spark(request):
        return
    kinds = naive_spark.kinds(request)
    lists = [
        rule.says["allow"]
        for rule in applying
        if rule.field == "spark.parameters" and "allow" in rule.says and rule.enforces
    ]
    refused = {
        kind for kind in kinds if not lists or not all(matches_any(each, kind, case.caller, "plain") for each in lists)
    }
    if refused:
        # The rules that had them read say how strictly.
        case.tell(max(readers, key=lambda rule: rule.enforces), "builtin/spark-parameters")
    case.verdict.reading |= {rule.id for rule in readers}
    case.verdict.is_vague = case.verdict.is_vague or bool(refused) or not kinds <= _CLEAR_KINDS


def _broken(rule: Rule, view: View, case: Case) -> Iterator[bool]:
    """For each constraint, whether the request breaks it."""
    says = rule.says
    if "check" in says:
        answer = case.holds(says["check"], view)
        yield answer is not True and not case.is_of_spark_alone(answer)
    if rule.field in naive_fields.NUMBERS:
        yield from _out_of_bounds(says, [naive_fields.derived_number(view, rule.field)], is_set=True)
    elif rule.field:
        yield from _broken_on(rule.field, says, view, case)


def _broken_on(path: str, says: Mapping[str, Any], view: View, case: Case) -> Iterator[bool]:
    value = naive_fields.get(view, path)
    items = value if isinstance(value, list) else [] if value is None else [value]
    if "fixed" in says:
        yield not items or any(item != case.typed(path, says["fixed"]) for item in items)
    if says.get("required"):
        yield value is None or value in ("", [], {})
    if says.get("forbidden"):
        yield value is not None
    kind = naive_fields.kind(path)
    parts = [part for item in items for part in naive_fields.parts(path, text(item))]
    for item in parts:
        if "allow" in says and path != "spark.parameters":
            yield not matches_any(says["allow"], item, case.caller, kind)
        if "deny" in says:
            yield any(naive_globs.denies(glob(each, case.caller), item, kind) for each in says["deny"])
        if "pattern" in says:
            yield not re.fullmatch(says["pattern"], item)
    yield from _out_of_bounds(says, naive_amending.numbers(view, path), is_set=value is not None)


def _out_of_bounds(says: Mapping[str, Any], numbers: Sequence[float | None], *, is_set: bool) -> Iterator[bool]:
    if "min" in says or "max" in says:
        least, most = naive_fields.bound(says.get("min", -inf)), naive_fields.bound(says.get("max", inf))
        for number in numbers:
            yield is_set if number is None else not least <= number <= most
