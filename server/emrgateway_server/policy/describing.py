"""What a policy says to one caller: the grants, rules and exceptions that speak to it, their templates rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.document import ACTIONS
from emrgateway_server.policy.field import shown
from emrgateway_server.policy.rules import Exemption, Grant, Match, Policies, Rule, Value
from emrgateway_server.templates import MissingLabel

Texts = tuple[str, ...]

_EVERYTHING = (Glob("**"),)


@dataclass(frozen=True, slots=True)
class DescribedGrant:
    """A grant as a caller meets it; globs that take a label that the caller lacks are left out.

    Of each list of `application_matches`, one glob must match the application, beside one of `applications`.
    """

    actions: Texts
    applications: Texts
    roles: Texts
    runs: str
    application_matches: tuple[Texts, ...]


@dataclass(frozen=True, slots=True)
class DescribedRule:
    """A rule as a caller meets it; what takes one of `missing_labels` stands as it is written."""

    id: str
    field: str
    mode: Mode
    why: str
    set: str | None
    default: str | None
    fixed: str | None
    required: bool
    forbidden: bool
    allow: Texts
    deny: Texts
    pattern: str | None
    min: float | None
    max: float | None
    clamps: bool
    when: str | None
    check: str | None
    application_matches: tuple[Texts, ...]
    missing_labels: Texts


@dataclass(frozen=True, slots=True)
class DescribedException:
    """An exception, and which of the rules that would speak to the caller it takes away."""

    rules: Texts
    until: date
    reason: str
    approved_by: str


@dataclass(frozen=True, slots=True)
class Description:
    """What is in force for a caller, in the policy's order."""

    policy_digest: str
    grants: tuple[DescribedGrant, ...]
    rules: tuple[DescribedRule, ...]
    exceptions: tuple[DescribedException, ...]


def describe(policies: Policies, caller: Caller, application: str, today: date | None = None) -> Description:
    """What speaks to a caller of an application; where that is empty, of whichever.

    Rules in `audit` mode are not for the caller. `today` is the day in UTC by which exceptions hold; left out, it is
    this one.
    """
    day = today or datetime.now(UTC).date()
    speaking = [rule for rule in policies.rules if rule.mode is not Mode.AUDIT and _speaks(rule, caller, application)]
    exemptions = [each for each in policies.exemptions if _is_in_force(each, caller, application, day)]
    exempt = frozenset[str]().union(*(exemption.rules for exemption in exemptions))
    return Description(
        policies.digest,
        tuple(_grants(policies, caller, application)),
        tuple(_rule(rule, caller, application) for rule in speaking if rule.id not in exempt),
        tuple(_exceptions(exemptions, speaking)),
    )


def _grants(policies: Policies, caller: Caller, application: str) -> Iterator[DescribedGrant]:
    for grant in policies.grants:
        applications = _readable(grant.applications, caller)
        speaking = grant if application else replace(grant, matches=_anywhere(grant.matches), applications=_EVERYTHING)
        if applications and speaking.speaks_to(caller, application):
            yield DescribedGrant(
                actions=tuple(action for action in ACTIONS if action in grant.actions),
                applications=applications,
                roles=_readable(grant.roles, caller),
                runs=grant.runs,
                application_matches=_application_matches(grant, caller),
            )


def _rule(rule: Rule, caller: Caller, application: str) -> DescribedRule:
    return DescribedRule(
        id=rule.id,
        field=rule.field.path,
        mode=rule.mode,
        why=rule.why,
        set=_value(rule.set, caller),
        default=_value(rule.default, caller),
        fixed=_value(rule.fixed, caller),
        required=rule.required,
        forbidden=rule.forbidden,
        allow=_shown(rule.allow or (), caller),
        deny=_shown(rule.deny, caller),
        pattern=rule.pattern.sources[0] if rule.pattern else None,
        min=rule.min.number if rule.min else None,
        max=rule.max.number if rule.max else None,
        clamps=rule.clamps,
        when=rule.when.source if rule.when else None,
        check=rule.check.source if rule.check else None,
        application_matches=_application_matches(rule, caller),
        missing_labels=tuple(rule.missing_labels(caller, application)),
    )


def _exceptions(exemptions: Sequence[Exemption], speaking: Sequence[Rule]) -> Iterator[DescribedException]:
    for exemption in exemptions:
        rules = tuple(rule.id for rule in speaking if rule.id in exemption.rules)
        if rules:
            yield DescribedException(rules, exemption.until, exemption.reason, exemption.approved_by)


def _speaks(rule: Rule, caller: Caller, application: str) -> bool:
    return (rule if application else replace(rule, matches=_anywhere(rule.matches))).speaks_to(caller, application)


def _is_in_force(exemption: Exemption, caller: Caller, application: str, today: date) -> bool:
    """Whether it holds; without an application, for certain, wherever its rules speak.

    They are of its own document, whose match is theirs as well, so that the application is bounded alike. Where that
    takes a label that the caller lacks, nothing is certain.
    """
    if application:
        return exemption.holds(caller, application, today)
    is_certain = all(glob.labels <= caller.labels.keys() for glob in exemption.match.applications or ())
    (anywhere,) = _anywhere((exemption.match,))
    return is_certain and replace(exemption, match=anywhere).holds(caller, application, today)


def _anywhere(matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """The matches, whatever the application."""
    return tuple(replace(match, applications=None) for match in matches)


def _application_matches(item: Grant | Rule, caller: Caller) -> tuple[Texts, ...]:
    return tuple(_shown(match.applications, caller) for match in item.matches if match.applications is not None)


def _readable(globs: tuple[Glob, ...], caller: Caller) -> Texts:
    return tuple(glob.shown(caller) for glob in globs if glob.labels <= caller.labels.keys())


def _shown(globs: Iterable[Glob], caller: Caller) -> Texts:
    return tuple(glob.shown(caller) for glob in globs)


def _value(value: Value | None, caller: Caller) -> str | None:
    if value is None:
        return None
    try:
        return shown(value.rendered(caller))
    except MissingLabel:
        return str(value.template)
