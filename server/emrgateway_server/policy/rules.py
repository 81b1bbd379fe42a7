"""Documents compiled: what the engine runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob, GlobSet
from emrgateway_server.patterns import Patterns
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.derived import COST, Prices
from emrgateway_server.policy.field import Bound, Field, Scalar
from emrgateway_server.templates import MissingLabel, Template


@dataclass(frozen=True, slots=True)
class Match:
    """Whom and what a document, grant or rule speaks of."""

    callers: tuple[Glob, ...] | None = None
    applications: tuple[Glob, ...] | None = None
    labels: tuple[tuple[str, tuple[Glob, ...]], ...] = ()

    @property
    def labels_needed(self) -> frozenset[str]:
        """The labels that its globs refer to."""
        globs = [*(self.callers or ()), *(self.applications or ()), *(glob for _, each in self.labels for glob in each)]
        return frozenset(label for glob in globs for label in glob.labels)

    def holds(self, caller: Caller, application: str) -> bool | None:
        """Whether it speaks of this caller and application; None where that takes a label that the caller lacks."""
        return _all(
            [
                self.callers is None or any_matches(self.callers, caller.id, caller),
                self.applications is None or any_matches(self.applications, application, caller),
                *(
                    label in caller.labels and any_matches(globs, caller.labels[label], caller)
                    for label, globs in self.labels
                ),
            ]
        )

    def overlaps(self, other: Match) -> bool:
        """Whether some caller and application may be spoken of by both."""
        theirs = dict(other.labels)
        return (
            _overlap(self.callers, other.callers)
            and _overlap(self.applications, other.applications)
            and all(_overlap(globs, theirs.get(label)) for label, globs in self.labels)
        )


@dataclass(frozen=True, slots=True)
class Value:
    """A value of `set`, `default` or `fixed`: plain ones are typed at load, templates when they are rendered."""

    field: Field
    template: Template
    plain: Scalar | None

    def rendered(self, caller: Caller) -> Scalar:
        """The value for a caller; `MissingLabel` where the caller lacks a label."""
        if self.plain is not None:
            return self.plain
        return self.field.normal(self.template.rendered(caller))

    @property
    def labels(self) -> frozenset[str]:
        """The labels that it needs."""
        return self.template.labels


@dataclass(frozen=True, slots=True)
class Grant:
    """What one grant allows, wherever all of `matches` hold."""

    actions: frozenset[str]
    applications: tuple[Glob, ...]
    roles: tuple[Glob, ...]
    runs: str
    matches: tuple[Match, ...]

    def speaks_to(self, caller: Caller, application: str) -> bool:
        """Whether it is in force for this caller and application."""
        answers = [match.holds(caller, application) for match in self.matches]
        return _all([*answers, any_matches(self.applications, application, caller)]) is True

    def covers_role(self, role: str, caller: Caller) -> bool:
        """Whether it lets this caller start with an execution role."""
        return any_matches(self.roles, role, caller) is True


@dataclass(frozen=True)
class Rule:
    """One rule, wherever all of `matches` hold."""

    id: str
    field: Field
    mode: Mode
    why: str
    matches: tuple[Match, ...]
    set: Value | None
    default: Value | None
    fixed: Value | None
    required: bool
    forbidden: bool
    allow: GlobSet | None
    deny: GlobSet
    pattern: Patterns | None
    min: Bound | None
    max: Bound | None
    clamps: bool
    when: Expression | None
    check: Expression | None

    @cached_property
    def amends(self) -> bool:
        """Whether it may change its field."""
        return self.clamps or any(value is not None for value in (self.set, self.default, self.fixed))

    @cached_property
    def constrains_value(self) -> bool:
        """Whether a verb speaks of the value as a whole."""
        return self.fixed is not None or self.required or self.forbidden

    @cached_property
    def constrains_texts(self) -> bool:
        """Whether a verb may find something wrong with a text of the value."""
        allows_all = self.allow is None or self.allow.is_everything
        return not allows_all or self.pattern is not None or self.denies

    @cached_property
    def denies(self) -> bool:
        """Whether it has globs to deny."""
        return bool(self.deny)

    @cached_property
    def is_bounded(self) -> bool:
        """Whether a verb speaks of the value as a number."""
        return self.min is not None or self.max is not None

    @cached_property
    def constrains(self) -> bool:
        """Whether a verb may find something wrong with its field."""
        return self.constrains_value or self.constrains_texts or self.is_bounded

    @property
    def reads_cost(self) -> bool:
        """Whether it speaks of what a run may cost."""
        return self.field.path == COST or any(COST in each.names for each in (self.when, self.check) if each)

    @cached_property
    def reads_parameters(self) -> bool:
        """Whether it speaks of what is read from the Spark parameters."""
        return self.field.reads_parameters or any(each.reads_parameters for each in (self.when, self.check) if each)

    def speaks_to(self, caller: Caller, application: str) -> bool:
        """Whether it is in force for this caller and application; so is one whose match cannot be read."""
        return _all([match.holds(caller, application) for match in self.matches]) is not False

    def missing_labels(self, caller: Caller, application: str) -> list[str]:
        """The labels that it needs and the caller lacks: without them it cannot be read."""
        needed = [glob.labels for glob in (*(self.allow or ()), *self.deny)]
        needed += [value.labels for value in (self.set, self.default, self.fixed) if value]
        needed += [match.labels_needed for match in self.matches if match.holds(caller, application) is None]
        return sorted(frozenset().union(*needed) - caller.labels.keys())


@dataclass(frozen=True, slots=True)
class Exemption:
    """An exception: these rules (full ids) are as if absent for these callers, through the day `until` in UTC."""

    rules: frozenset[str]
    callers: tuple[Glob, ...]
    until: date
    reason: str
    approved_by: str
    match: Match

    def holds(self, caller: Caller, application: str, today: date) -> bool:
        """Whether it is in force, for certain, for this caller and application."""
        speaks = [self.match.holds(caller, application), any_matches(self.callers, caller.id, caller)]
        return today <= self.until and _all(speaks) is True


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that was loaded: grants, rules and exceptions in order, and the digest of the documents."""

    digest: str
    grants: tuple[Grant, ...]
    rules: tuple[Rule, ...]
    exemptions: tuple[Exemption, ...]
    prices: Prices | None = None


def any_matches(globs: tuple[Glob, ...], value: str, caller: Caller) -> bool | None:
    """Whether a glob matches; None where none does and one needs a label that the caller lacks."""
    answer: bool | None = False
    for glob in globs:
        try:
            if glob.matches(value, caller):
                return True
        except MissingLabel:
            answer = None
    return answer


def _all(answers: list[bool | None]) -> bool | None:
    """False where one is false, else None where one is unknown."""
    return False if False in answers else None if None in answers else True


def _overlap(one: tuple[Glob, ...] | None, other: tuple[Glob, ...] | None) -> bool:
    return one is None or other is None or any(a.overlaps(b) for a in one for b in other)
