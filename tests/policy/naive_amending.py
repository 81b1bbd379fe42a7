"""Pass 1 as the design's words go: all `set` and `fixed`, then all `default`, then clamps by `max`, then by `min`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from . import naive_fields, naive_spark
from .naive_case import Case, Rule
from .naive_fields import View


def amend(rules: Sequence[Rule], case: Case) -> None:
    """Amend the request; a rule that does not enforce warns of what it would change."""
    rules = [rule for rule in rules if rule.field]
    overruled = _overruled(rules, case)
    for step in _STEPS:
        for rule in rules:
            values = [step(rule, view) for view in case.views()]
            for value in values:
                if value is not None and not (step is _set and rule.id in overruled):
                    _change(rule, case.typed(rule.field, value), case)


def numbers(view: View, path: str) -> list[float | None]:
    """What each of a field's values counts as."""
    value = naive_fields.get(view, path) if path not in naive_fields.NUMBERS else None
    return [naive_fields.number(view, path, each) for each in (value if isinstance(value, list) else [value])]


def _overruled(rules: Sequence[Rule], case: Case) -> set[str]:
    """The rules whose `set` comes after another one's on the field: where they differ, that is a conflict."""
    values: dict[str, object] = {}
    late: set[str] = set()
    for rule in rules:
        if rule.enforces and "set" in rule.says:
            value = case.typed(rule.field, rule.says["set"])
            late |= {rule.id} if rule.field in values else set()
            if values.setdefault(rule.field, value) != value:
                case.verdict.denied.add("builtin/conflict")
    return late


def _change(rule: Rule, value: object, case: Case) -> None:
    now = [naive_fields.get(view, rule.field) for view in case.views()]
    if all(each == value or (isinstance(each, list) and set(each) == {value}) for each in now):
        return
    if not rule.enforces:
        case.verdict.warned.add(rule.id)
    elif rule.field.startswith("spark.") and naive_spark.kinds(case.verdict.request) - {"duplicate-defaults"}:
        # What is to be cut from a string that readers disagree on is not said: not to amend it is right too.
        case.verdict.is_open = True
    elif not naive_fields.put(case.verdict.request, rule.field, value):
        case.verdict.denied.add(rule.id)


def _set(rule: Rule, view: View) -> object:
    if "set" in rule.says:
        return rule.says["set"]
    return rule.says["fixed"] if "fixed" in rule.says and naive_fields.get(view, rule.field) is None else None


def _default(rule: Rule, view: View) -> object:
    return rule.says["default"] if "default" in rule.says and naive_fields.get(view, rule.field) is None else None


def _max(rule: Rule, view: View) -> object:
    if rule.says.get("otherwise") != "clamp" or "max" not in rule.says:
        return None
    most = naive_fields.bound(rule.says["max"])
    is_unset = naive_fields.get(view, rule.field) is None
    too_large = any(number is not None and number > most for number in numbers(view, rule.field))
    return rule.says["max"] if is_unset or too_large else None


def _min(rule: Rule, view: View) -> object:
    if rule.says.get("otherwise") != "clamp" or "min" not in rule.says:
        return None
    least = naive_fields.bound(rule.says["min"])
    too_small = any(number is not None and number < least for number in numbers(view, rule.field))
    return rule.says["min"] if too_small else None


_STEPS: list[Callable[[Rule, View], object]] = [_set, _default, _max, _min]
