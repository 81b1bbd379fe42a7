"""Rules that decide nothing, because another one, wherever they apply, decides at least as much."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.rules import Rule
from emrgateway_server.policytool.globsets import covers
from emrgateway_server.policytool.reviews.book import Book, warning, within
from emrgateway_server.yamlfile import Problem


def review(book: Book) -> Iterator[Problem]:
    """Rules that could be deleted, and no request would be treated otherwise."""
    order = {rule.id: index for index, rule in enumerate(book.policies.rules)}
    for rule, place in book.rules:
        for other in book.wherever(rule):
            comes_first = order[other.id] < order[rule.id]
            if other is rule or not _shadows(book, other, rule, comes_first=comes_first):
                continue
            # Of two that say the same, the later is the one too many.
            if comes_first or not (
                within(other.matches, rule.matches) and _shadows(book, rule, other, comes_first=True)
            ):
                yield warning(place, f"{rule.id} decides nothing that {other.id} does not decide already")
                break


def _shadows(book: Book, one: Rule, other: Rule, *, comes_first: bool) -> bool:
    """Whether `one`, which matches wherever `other` does, leaves that nothing to decide."""
    return (
        book.always_refuses(one)
        # What a caller lacks, or what readers of the parameters disagree on, would refuse by the other rule alone.
        and _labels(other) <= _labels(one)
        and (one.reads_parameters or not other.reads_parameters)
        # In another mode, it would tell what it would have changed.
        and (other.mode is Mode.ENFORCE or not other.amends)
        and (other.default is None or _has_value_before(one, comes_first=comes_first))
        and all(_IMPLIED[verb](one, other) for verb in _IMPLIED if _says(other, verb))
    )


def _says(rule: Rule, verb: str) -> bool:
    return getattr(rule, verb) not in (None, False, ())


def _labels(rule: Rule) -> frozenset[str]:
    globs = [glob.labels for glob in (*(rule.allow or ()), *rule.deny)]
    values = [value.labels for value in (rule.set, rule.default, rule.fixed) if value]
    return frozenset().union(*globs, *values, *(match.labels_needed for match in rule.matches))


def _has_value_before(one: Rule, *, comes_first: bool) -> bool:
    """Whether the field is never unset by the time a later default looks at it."""
    return one.set is not None or one.fixed is not None or (one.default is not None and comes_first)


def _is_given(one: Rule) -> bool:
    values = [value.plain for value in (one.set, one.default, one.fixed) if value]
    return any(value not in (None, "") for value in values)


def _implies_max(one: Rule, other: Rule) -> bool:
    if one.max is None or other.max is None or (other.clamps and not one.clamps):
        return False
    return one.max.number <= other.max.number


def _implies_min(one: Rule, other: Rule) -> bool:
    if one.min is None or other.min is None or (other.clamps and not one.clamps):
        return False
    return one.min.number >= other.min.number


def _has_same_check(one: Rule, other: Rule) -> bool:
    return one.check is not None and other.check is not None and one.check.source == other.check.source


# Whether what `one` says of a verb leaves what `other` says of it nothing to do.
_IMPLIED: dict[str, Callable[[Rule, Rule], bool]] = {
    "set": lambda one, other: one.set == other.set,
    "fixed": lambda one, other: other.fixed in (one.fixed, one.set),
    "required": lambda one, _: one.required or _is_given(one),
    "forbidden": lambda one, _: one.forbidden,
    "allow": lambda one, other: one.allow is not None and covers(other.allow or (), one.allow),
    "deny": lambda one, other: covers(one.deny, other.deny),
    "pattern": lambda one, other: one.pattern is not None and one.pattern == other.pattern,
    "max": _implies_max,
    "min": _implies_min,
    "check": _has_same_check,
}
