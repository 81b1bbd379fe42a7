"""What each verb of a rule asks of its field: the value it would amend it to, and what it finds wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from math import inf

from emrgateway_server.caller import Caller
from emrgateway_server.conformance import shown as quoted
from emrgateway_server.globs import GlobSet
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


def complaints(rule: Rule, view: View, caller: Caller) -> Iterable[str]:
    """Everything that the rule's constraints find wrong, () where nothing is; no sensitive value is in any text."""
    found: Iterable[str] = ()
    if rule.constrains_value:
        found = _unlike(rule, view, caller)
    if rule.constrains_texts and (unfit := _unfit(rule, view, caller)):
        found = chain(found, unfit)
    if rule.is_bounded and (unbounded := _unbounded(rule, view)):
        found = chain(found, unbounded)
    return found


def _unfit(rule: Rule, view: View, caller: Caller) -> Iterable[str]:
    """What `allow`, `deny` and `pattern` find wrong; where each text stands is asked for only where one is wrong."""
    if not any(_wrong(rule, text, caller) for text in rule.field.texts(view)):
        return ()
    items = rule.field.items(view)
    return (
        f"{_told(rule.field, item, index, len(items))}{wrong}"
        for index, item in enumerate(items)
        for wrong in _wrong(rule, item.text, caller)
    )


def _unlike(rule: Rule, view: View, caller: Caller) -> list[str]:
    """What `fixed`, `required` and `forbidden` find wrong with a value."""
    found = []
    value = rule.field.get(view)
    if rule.fixed is not None and value != rule.fixed.rendered(caller):
        found.append(f"{_found(rule.field, value)}; it must be {quoted(plain(rule.fixed.rendered(caller)))}")
    if rule.required and (value in (None, "", [], {}) or (isinstance(value, str) and not value.strip())):
        found.append("is required")
    if rule.forbidden and value is not None:
        found.append("is forbidden: leave it out")
    return found


def _wrong(rule: Rule, text: str, caller: Caller) -> list[str]:
    """What is wrong with one text of the field, as it follows on what the text is."""
    wrong = []
    kind = rule.field.glob_kind(text)
    if rule.allow is not None and not rule.allow.matches(text, caller, kind):
        wrong.append(f"; allowed: {_list_of(rule.allow, caller)}")
    if rule.denies:
        denying = rule.deny.denying(text, caller, kind)
        wrong += [] if denying is None else [f", which {denying.shown(caller)} denies"]
    if rule.pattern is not None and not rule.pattern.match(text):
        wrong.append(f"; it must match {rule.pattern.sources[0]}")
    return wrong


def _unbounded(rule: Rule, view: View) -> list[str]:
    """What `min` and `max` find wrong with a value as a number."""
    field = rule.field
    try:
        number = field.number(view)
    except ValueError as error:
        value = field.get(view)
        return [str(error) if field.sensitive or not value else f"{_found(field, value)}, which is no number"]
    found: list[str] = []
    if number is None:
        return found
    if rule.max is not None and number > rule.max.number:
        found.append(f"{_counted(field, view, number)}at most {rule.max.text} is allowed")
    if rule.min is not None and number < rule.min.number:
        found.append(f"{_counted(field, view, number)}at least {rule.min.text} is allowed")
    return found


def _counted(field: Field, view: View, number: float) -> str:
    """What a number that breaks a bound is, unless it may be a secret."""
    is_unset = field.get(view) is None
    if field.sensitive and not is_unset:
        return ""
    return f"{'is unset, which counts as' if is_unset else 'is'} {_number(number)}; "


def _number(number: float) -> str:
    return "unlimited" if number == inf else decimal(round(number, 3))


def _told(field: Field, item: Item, index: int, count: int) -> str:
    """Where one text of the field stands, and what it is."""
    number = f"item {index + 1} of {count}" if field.kind == "list" else ""
    found = "is not allowed" if item.sensitive else f"is {quoted(item.text)}"
    return f"{item.where() if item.where else number} {found}".strip()


def _found(field: Field, value: object) -> str:
    if value is None:
        return "is unset"
    return "is not allowed" if field.sensitive else f"is {quoted(plain(value))}"


def _list_of(globs: GlobSet, caller: Caller) -> str:
    more = f" and {len(globs) - MAX_SHOWN_GLOBS} more" if len(globs) > MAX_SHOWN_GLOBS else ""
    return ", ".join(glob.shown(caller) for glob in islice(globs, MAX_SHOWN_GLOBS)) + more
