"""Documents compiled: what the engine runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.fields import Field, Scalar
from emrgateway_server.templates import MissingLabel, Template


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def fullmatch(self, text: str) -> object:
        """A match of the whole text, or None."""


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


@dataclass(frozen=True, slots=True)
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
    allow: tuple[Glob, ...] | None
    deny: tuple[Glob, ...]
    pattern: tuple[str, Pattern] | None
    min: float | None
    max: float | None
    clamps: bool

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
class Policies:
    """Everything that was loaded: grants and rules in order, and the digest of the documents."""

    digest: str
    grants: tuple[Grant, ...]
    rules: tuple[Rule, ...]


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
