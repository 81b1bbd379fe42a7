"""What policy lets, or makes, a caller ask for, and then refuses whatever the rest of the request says."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy import verbs
from emrgateway_server.policy.facts import CannotAmend
from emrgateway_server.policy.rules import Grant, Match, Rule
from emrgateway_server.policy.subject import Subject
from emrgateway_server.policytool.globsets import covers, disjoint
from emrgateway_server.policytool.reviews.book import Book, Place, warning, within
from emrgateway_server.policytool.reviews.constants import constant
from emrgateway_server.policytool.reviews.unreachable import contradiction
from emrgateway_server.yamlfile import Problem

ROLE = "execution_role_arn"
APPLICATION = "application_id"
_ROLES = (ROLE, "roles")  # an execution role is among the roles
_NOBODY = Caller("")
_SPARK: Mapping[str, Any] = {"jobDriver": {"sparkSubmit": {}}}  # what a Spark setting can be put into


def review(book: Book) -> Iterator[Problem]:
    """Rules that refuse everything, grants that rules refuse, and values that policy sets and refuses."""
    total = {rule.id for rule, _ in book.rules if book.always_refuses(rule) and _refuses_everything(rule)}
    for rule, place in book.rules:
        if rule.id in total:
            yield warning(place, f"{rule.id} refuses every start that it speaks of")
    refusing = [rule for path in (*_ROLES, APPLICATION) for rule in book.of_field(path)]
    refusing = [rule for rule in refusing if book.always_refuses(rule) and rule.id not in total]
    for grant, place in book.grants:
        yield from _of_grant(grant, place, refusing)
    for rule, place in book.rules:
        yield from _of_value(rule, place, book, total)


def _refuses_everything(rule: Rule) -> bool:
    if rule.check is not None and constant(rule.check) is False:
        return True
    if rule.field.path not in (APPLICATION, ROLE):
        return False
    return rule.forbidden or any(glob.is_everything for glob in rule.deny)


def _of_grant(grant: Grant, place: Place, refusing: Sequence[Rule]) -> Iterator[Problem]:
    if "start" not in grant.actions:
        return
    scope = (*grant.matches, Match(applications=grant.applications))
    for rule in refusing:
        if not within(scope, rule.matches):
            continue
        if rule.field.path in _ROLES and _refuses(rule, grant.roles):
            yield warning(place, f"no start can come by this grant: {rule.id} refuses all of its roles", "roles")
        if rule.field.path == APPLICATION and _refuses(rule, grant.applications):
            told = f"no start can come by this grant: {rule.id} refuses all of its applications"
            yield warning(place, told, "applications")


def _refuses(rule: Rule, granted: Iterable[Glob]) -> bool:
    """Whether a rule refuses every value that one of these globs matches."""
    if rule.allow is not None and disjoint(rule.allow, granted):
        return True
    if rule.deny and covers(rule.deny, granted):
        return True
    value = rule.fixed or rule.set
    if value is None or value.plain is None or rule.field.path != ROLE:
        return False
    # What it must be, or is made, is no role that the grant covers.
    text = str(value.plain)
    return all(not glob.needs_caller and not glob.matches(text, _NOBODY) for glob in granted)


def _of_value(rule: Rule, place: Place, book: Book, total: Container[str]) -> Iterator[Problem]:
    """A value that the rule gives its field, and that a rule which is there wherever it is refuses."""
    given = [(verb, value) for verb in ("set", "default", "fixed") if (value := getattr(rule, verb)) is not None]
    if len(given) != 1 or given[0][1].plain is None:
        return
    verb, value = given[0]
    subject = Subject(_SPARK)
    try:
        rule.field.put(subject, value.plain)
    except CannotAmend:
        return
    for other in book.wherever(rule):
        if not book.always_refuses(other) or other.id in total or not _can_be_read(other):
            continue
        refused = any(list(verbs.complaints(other, view, _NOBODY)) for view in rule.field.views(subject))
        if refused and not _is_amended_elsewhere(rule, book):
            whose = "its own" if other.id == rule.id else f"{rule.id}'s"
            yield warning(place, f"{other.id} refuses {whose} {verb} of {rule.field.path}", verb)


def _is_amended_elsewhere(rule: Rule, book: Book) -> bool:
    """Whether the field may become another value after all: by a clamp, or by another rule."""
    others = [
        other
        for other in book.policies.rules
        if other.amends and other.id != rule.id and (other.field == rule.field or _may_be_one(other, rule))
    ]
    return rule.clamps or any(not contradiction((*rule.matches, *other.matches)) for other in others)


def _may_be_one(one: Rule, other: Rule) -> bool:
    """Whether one speaks of a setting of Spark and the other of a classification, in which that may stand."""
    paths = {each.field.path.partition("[")[0] for each in (one, other)}
    return paths == {"spark.conf", "configurations"}


def _can_be_read(rule: Rule) -> bool:
    """Whether a rule says the same to every caller."""
    globs = (*(rule.allow or ()), *rule.deny)
    return not any(glob.needs_caller for glob in globs) and (rule.fixed is None or rule.fixed.plain is not None)
