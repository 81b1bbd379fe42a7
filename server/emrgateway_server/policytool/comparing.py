"""What would differ between two sides, request by request, counted by rule and by caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from emrgateway_server.policytool.rejudging import Answer, Judged
from emrgateway_server.policytool.samples import Sample


class Kind(StrEnum):
    """How the two sides differ on a request, as the report names it."""

    WOULD_BE_DENIED = "would_be_denied"
    WOULD_BE_CHANGED = "would_be_changed"
    NEWLY_ALLOWED = "newly_allowed"
    NOT_JUDGEABLE = "not_judgeable"


@dataclass(slots=True)
class Tally:
    """The requests of one kind: how many, by which rules (full ids), of which callers, and each of them."""

    by_rule: Counter[str] = field(default_factory=Counter)
    by_caller: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[Sample, Mapping[str, str]]] = field(default_factory=list)

    def add(self, sample: Sample, rules: Mapping[str, str]) -> None:
        """Count a request; `rules` says of each rule what it did there."""
        self.by_rule.update(rules.keys())
        self.by_caller[sample.caller.id] += 1
        self.requests.append((sample, rules))


class Comparison:
    """All requests so far."""

    def __init__(self) -> None:
        self.judged = 0
        self.unjudged_rules: set[str] = set()
        self.warned: Counter[str] = Counter()
        self.tallies = {kind: Tally() for kind in Kind}

    @property
    def differs(self) -> bool:
        """Whether any request is, or may be, treated otherwise."""
        return any(tally.requests for tally in self.tallies.values())

    def add(self, sample: Sample, before: Judged, now: Judged) -> None:
        """Compare the two sides on one request."""
        self.judged += 1
        self.unjudged_rules |= before.unjudged | now.unjudged
        self.warned.update(now.warned.keys())
        kind, rules = compared(before, now)
        if kind is not None:
            self.tallies[kind].add(sample, rules)


def compared(before: Judged, now: Judged) -> tuple[Kind | None, Mapping[str, str]]:
    """How two sides differ on one request, and what each rule has to do with it; None where they do not."""
    answers = (before.answer, now.answer)
    if Answer.UNKNOWN in answers:
        return Kind.NOT_JUDGEABLE, dict.fromkeys(sorted(before.unjudged | now.unjudged), "")
    if answers == (Answer.ALLOWED, Answer.DENIED):
        return Kind.WOULD_BE_DENIED, now.refused
    if answers == (Answer.DENIED, Answer.ALLOWED):
        return Kind.NEWLY_ALLOWED, before.refused
    rules = _changing(before, now) if answers == (Answer.ALLOWED, Answer.ALLOWED) else {}
    return (Kind.WOULD_BE_CHANGED, rules) if rules else (None, {})


def _changing(before: Judged, now: Judged) -> dict[str, str]:
    """The rules by which the two sides make another request of one, and the fields."""
    if before.request is not None and before.request == now.request:
        return {}
    old, new = before.changed, now.changed
    fields = [path for path in dict.fromkeys([*old, *new]) if _value(old, path) != _value(new, path)]
    if not fields and before.request is not None and now.request is not None:
        fields = list(dict.fromkeys([*old, *new]))  # the values of those that are sensitive are not told
    rules: dict[str, list[str]] = {}
    for path in fields:
        rule, _ = new.get(path) or old[path]
        rules.setdefault(rule, []).append(path)
    return {rule: ", ".join(_unique(paths)) for rule, paths in rules.items()}


def _value(changed: Mapping[str, tuple[str, str]], path: str) -> str | None:
    return changed[path][1] if path in changed else None


def _unique(paths: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(paths))
