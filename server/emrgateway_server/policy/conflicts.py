"""Two `set`s that would fight over one field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.rules import Rule, Value
from emrgateway_server.yamlfile import Document, Path, Problem

_Placed = tuple[Rule, Document, Path]


def conflicts(placed: Iterable[_Placed]) -> list[Problem]:
    """The second of each two rules that set one field to two values, both without a `when`, where both can apply."""
    by_field: dict[str, list[_Placed]] = {}
    for rule, document, path in placed:
        if rule.set is not None and rule.mode is Mode.ENFORCE and rule.when is None and not _is_unclear(document, path):
            by_field.setdefault(rule.field.path, []).append((rule, document, path))
    return [
        _told(setting[first], setting[second])
        for setting in by_field.values()
        for first, second in _likely([rule for rule, _, _ in setting])
        if _fight(setting[first][0], setting[second][0])
    ]


def _told(one: _Placed, other: _Placed) -> Problem:
    first, (rule, document, path) = one[1].problem(one[2], ""), other
    message = f"{rule.id} and {one[0].id} ({first.file}:{first.line}) set {rule.field.path} to two values"
    return document.problem((*path, "set"), f"{message}, and both can apply")


def _likely(rules: list[Rule]) -> Iterator[tuple[int, int]]:
    """Pairs of which one's callers may be the other's by how their globs begin, so that not each meets each.

    In order, all that an entry's beginning begins with stand on a stack before it.
    """
    found: set[tuple[int, int]] = set()
    stack: list[tuple[str, int]] = []
    for start, number in sorted((start, number) for number, rule in enumerate(rules) for start in _starts(rule)):
        while stack and not start.startswith(stack[-1][0]):
            stack.pop()
        found.update((min(number, other), max(number, other)) for _, other in stack if other != number)
        stack.append((start, number))
    yield from sorted(found)


def _starts(rule: Rule) -> list[str]:
    """How the ids begin of the callers that a rule speaks to."""
    named = next((match.callers for match in rule.matches if match.callers is not None), None)
    return [""] if named is None else [glob.start for glob in named]


def _fight(one: Rule, other: Rule) -> bool:
    return _differ(one.set, other.set) and all(a.overlaps(b) for a in one.matches for b in other.matches)


def _differ(one: Value | None, other: Value | None) -> bool:
    """Whether two values are not one: BATCH and JOB_RUN_MODE_BATCH are."""
    return one != other and (one is None or other is None or one.plain is None or one.plain != other.plain)


def _is_unclear(document: Document, path: Path) -> bool:
    """Whether it is not known when a rule applies."""
    told = [("match",), ("mode",), *((*path, key) for key in ("match", "mode", "when"))]
    return any(document.is_told(each) for each in told)
