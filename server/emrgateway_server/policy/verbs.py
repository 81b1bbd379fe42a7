"""What each verb of a rule asks of its field: the value it would amend it to, and what it finds wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from emrgateway_server.caller import Caller
from emrgateway_server.conformance import shown as quoted
from emrgateway_server.policy.field import Field, Item, Scalar, decimal
from emrgateway_server.policy.field import shown as plain
from emrgateway_server.policy.rules import Rule
from emrgateway_server.policy.subject import View

MAX_SHOWN_GLOBS = 8


def set_or_fixed(rule: Rule, view: View, caller: Caller) -> Scalar | None:
    """What `set`, or `fixed` on an unset field, makes of the field; None where the rule has neither."""
    if rule.set is not None:
        return rule.set.rendered(caller)
    if rule.fixed is not None and rule.field.get(view) is None:
        return rule.fixed.rendered(caller)
    return None


def defaulted(rule: Rule, view: View, caller: Caller) -> Scalar | None:
    """What `default` makes of an unset field."""
    if rule.default is None or rule.field.get(view) is not None:
        return None
    return rule.default.rendered(caller)


def clamped_to_max(rule: Rule, view: View, _: Caller) -> Scalar | None:
    """What `max` with clamp makes of the field: max, where it is unset, unlimited or too large."""
    if not rule.clamps or rule.max is None:
        return None
    try:
        number = rule.field.number(view)
    except ValueError:
        return None  # no number to clamp: the constraint denies it
    if rule.field.get(view) is None or (number is not None and number > rule.max.number):
        return rule.field.bounded(rule.max)
    return None


def clamped_to_min(rule: Rule, view: View, _: Caller) -> Scalar | None:
    """What `min` with clamp makes of the field: min, where it is too small."""
    if not rule.clamps or rule.min is None:
        return None
    try:
        number = rule.field.number(view)
    except ValueError:
        return None  # as above
    return rule.field.bounded(rule.min) if number is not None and number < rule.min.number else None


def complaints(rule: Rule, view: View, caller: Caller) -> Iterator[str]:
    """Everything that the rule's constraints find wrong; no sensitive value is in any text."""
    field = rule.field
    value = field.get(view)
    if rule.fixed is not None and value != rule.fixed.rendered(caller):
        yield f"{_found(field, value)}; it must be {quoted(plain(rule.fixed.rendered(caller)))}"
    if rule.required and value in (None, "", [], {}):
        yield "is required"
    if rule.forbidden and value is not None:
        yield "is forbidden: leave it out"
    if value is not None and (rule.allow is not None or rule.deny or rule.pattern is not None):
        for told, item in _told(field, view):
            yield from _allowed(rule, told, item, caller)
            yield from _denied(rule, told, item, caller)
            yield from _patterned(rule, told, item)
    yield from _bounded(rule, view)


def _allowed(rule: Rule, told: str, item: Item, caller: Caller) -> Iterator[str]:
    if rule.allow is None:
        return
    kind = rule.field.glob_kind(item.text)
    if not any(glob.matches(item.text, caller, kind) for glob in rule.allow):
        yield f"{told}; allowed: {_list_of([glob.shown(caller) for glob in rule.allow])}"


def _denied(rule: Rule, told: str, item: Item, caller: Caller) -> Iterator[str]:
    kind = rule.field.glob_kind(item.text)
    for glob in rule.deny:
        if glob.denies(item.text, caller, kind):
            yield f"{told}, which {glob.shown(caller)} denies"
            return


def _patterned(rule: Rule, told: str, item: Item) -> Iterator[str]:
    if rule.pattern is not None and not rule.pattern[1].fullmatch(item.text):
        yield f"{told}; it must match {rule.pattern[0]}"


def _bounded(rule: Rule, view: View) -> Iterator[str]:
    if rule.min is None and rule.max is None:
        return
    field = rule.field
    value = field.get(view)
    try:
        number = field.number(view)
    except ValueError as error:
        yield str(error) if field.sensitive or not value else f"{_found(field, value)}, which is no number"
        return
    if number is None:
        return
    said = "is unset, which counts as" if value is None else "is"
    what = "" if field.sensitive and value is not None else f"{said} {_number(number)}; "
    if rule.max is not None and number > rule.max.number:
        yield f"{what}at most {rule.max.text} is allowed"
    if rule.min is not None and number < rule.min.number:
        yield f"{what}at least {rule.min.text} is allowed"


def _number(number: float) -> str:
    return "unlimited" if number == inf else decimal(round(number, 3))


def _told(field: Field, view: View) -> Iterator[tuple[str, Item]]:
    """Each text of the field, and how it is told: where it stands, and what it is."""
    items = field.items(view)
    for index, item in enumerate(items):
        number = f"item {index + 1} of {len(items)}" if field.kind == "list" else ""
        found = "is not allowed" if item.sensitive else f"is {quoted(item.text)}"
        yield f"{item.place or number} {found}".strip(), item


def _found(field: Field, value: object) -> str:
    if value is None:
        return "is unset"
    return "is not allowed" if field.sensitive else f"is {quoted(plain(value))}"


def _list_of(texts: list[str]) -> str:
    more = f" and {len(texts) - MAX_SHOWN_GLOBS} more" if len(texts) > MAX_SHOWN_GLOBS else ""
    return ", ".join(texts[:MAX_SHOWN_GLOBS]) + more
