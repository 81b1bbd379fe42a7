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

    def holds(self, caller: Caller, application: str) -> bool:
        """Whether it speaks of this caller and application."""
        return (
            (self.callers is None or any_matches(self.callers, caller.id, caller))
            and (self.applications is None or any_matches(self.applications, application, caller))
            and all(
                label in caller.labels and any_matches(globs, caller.labels[label], caller)
                for label, globs in self.labels
            )
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
        return self.template.rendered(caller)


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
        return all(match.holds(caller, application) for match in self.matches) and any_matches(
            self.applications, application, caller
        )


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
        """Whether it is in force for this caller and application."""
        return all(match.holds(caller, application) for match in self.matches)


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything that was loaded: grants and rules in order, and the digest of the documents."""

    digest: str
    grants: tuple[Grant, ...]
    rules: tuple[Rule, ...]


def any_matches(globs: tuple[Glob, ...], value: str, caller: Caller) -> bool:
    """Whether a glob matches; one that needs a label the caller lacks does not."""
    for glob in globs:
        try:
            if glob.matches(value, caller):
                return True
        except MissingLabel:
            continue
    return False


def _overlap(one: tuple[Glob, ...] | None, other: tuple[Glob, ...] | None) -> bool:
    return one is None or other is None or any(a.overlaps(b) for a in one for b in other)
