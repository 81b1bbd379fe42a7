"""What each verb of a rule asks of its field: the value it would amend it to, and what it finds wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.conformance import shown as quoted
from emrgateway_server.policy.fields import Field, Scalar
from emrgateway_server.policy.fields import shown as plain
from emrgateway_server.policy.rules import Rule

MAX_SHOWN_GLOBS = 8

Request = Mapping[str, Any]


def set_or_fixed(rule: Rule, request: Request, caller: Caller) -> Scalar | None:
    """What `set`, or `fixed` on an unset field, makes of the field; None where the rule has neither."""
    if rule.set is not None:
        return rule.set.rendered(caller)
    if rule.fixed is not None and rule.field.get(request) is None:
        return rule.fixed.rendered(caller)
    return None


def defaulted(rule: Rule, request: Request, caller: Caller) -> Scalar | None:
    """What `default` makes of an unset field."""
    if rule.default is None or rule.field.get(request) is not None:
        return None
    return rule.default.rendered(caller)


def clamped_to_max(rule: Rule, request: Request) -> Scalar | None:
    """What `max` with clamp makes of the field: max, where it is unset, unlimited or too large."""
    if not rule.clamps or rule.max is None:
        return None
    try:
        number = rule.field.number(request)
    except ValueError:
        return None  # no number to clamp: the constraint denies it
    if rule.field.get(request) is None or (number is not None and number > rule.max):
        return _as_value(rule.field, rule.max)
    return None


def clamped_to_min(rule: Rule, request: Request) -> Scalar | None:
    """What `min` with clamp makes of the field: min, where it is too small."""
    if not rule.clamps or rule.min is None:
        return None
    try:
        number = rule.field.number(request)
    except ValueError:
        return None  # as above
    return _as_value(rule.field, rule.min) if number is not None and number < rule.min else None


def complaints(rule: Rule, request: Request, caller: Caller) -> Iterator[str]:
    """Everything that the rule's constraints find wrong; no sensitive value is in any text."""
    field = rule.field
    value = field.get(request)
    if rule.fixed is not None and value != rule.fixed.rendered(caller):
        yield f"{_found(field, value)}; it must be {quoted(plain(rule.fixed.rendered(caller)))}"
    if rule.required and value in (None, "", [], {}):
        yield "is required"
    if rule.forbidden and value is not None:
        yield "is forbidden: leave it out"
    if value is not None:
        yield from _allowed(rule, request, caller)
        yield from _denied(rule, request, caller)
        yield from _patterned(rule, request)
    yield from _bounded(rule, request)


def _allowed(rule: Rule, request: Request, caller: Caller) -> Iterator[str]:
    if rule.allow is None:
        return
    field = rule.field
    allowed = _list_of([glob.shown(caller) for glob in rule.allow])
    for place, text in _places(field, request):
        if not any(glob.matches(text, caller, field.glob_kind) for glob in rule.allow):
            yield f"{place}{_found(field, text)}; allowed: {allowed}"


def _denied(rule: Rule, request: Request, caller: Caller) -> Iterator[str]:
    field = rule.field
    for place, text in _places(field, request):
        for glob in rule.deny:
            if glob.denies(text, caller, field.glob_kind):
                yield f"{place}{_found(field, text)}, which {glob.shown(caller)} denies"
                break


def _patterned(rule: Rule, request: Request) -> Iterator[str]:
    if rule.pattern is None:
        return
    source, pattern = rule.pattern
    for place, text in _places(rule.field, request):
        if not pattern.fullmatch(text):
            yield f"{place}{_found(rule.field, text)}; it must match {source}"


def _bounded(rule: Rule, request: Request) -> Iterator[str]:
    if rule.min is None and rule.max is None:
        return
    field = rule.field
    try:
        number = field.number(request)
    except ValueError:
        yield f"{_found(field, field.get(request))}, which is no number"
        return
    if number is None:
        return
    said = "is unset, which AWS counts as" if field.get(request) is None else "is"
    what = "" if field.sensitive else f"{said} {'unlimited' if number == inf else decimal(number)}; "
    if rule.max is not None and number > rule.max:
        yield f"{what}at most {decimal(rule.max)} is allowed"
    if rule.min is not None and number < rule.min:
        yield f"{what}at least {decimal(rule.min)} is allowed"


def _as_value(field: Field, number: float) -> Scalar:
    return int(number) if field.kind == "number" else decimal(number)


def decimal(number: float) -> str:
    """A number as people write it."""
    return str(int(number)) if number == int(number) else str(number)


def _places(field: Field, request: Request) -> Iterator[tuple[str, str]]:
    """Each text of the field, and which one of a list it is."""
    texts = field.texts(request)
    for index, text in enumerate(texts):
        yield (f"item {index + 1} of {len(texts)} " if field.kind == "list" else ""), text


def _found(field: Field, value: object) -> str:
    if value is None:
        return "is unset"
    return "is not allowed" if field.sensitive else f"is {quoted(plain(value))}"


def _list_of(texts: list[str]) -> str:
    more = f" and {len(texts) - MAX_SHOWN_GLOBS} more" if len(texts) > MAX_SHOWN_GLOBS else ""
    return ", ".join(texts[:MAX_SHOWN_GLOBS]) + more
