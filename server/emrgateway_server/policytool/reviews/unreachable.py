"""Parts that can never match: what they want of a caller or an application contradicts itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from emrgateway_server.globs import Glob
from emrgateway_server.policy.rules import Match
from emrgateway_server.policytool.globsets import disjoint
from emrgateway_server.policytool.reviews.book import Book, warning
from emrgateway_server.policytool.reviews.constants import constant
from emrgateway_server.yamlfile import Problem


def review(book: Book) -> Iterator[Problem]:
    """Rules, grants and exceptions that no request meets."""
    for rule, place in book.rules:
        # A match that takes a label which the caller lacks is no contradiction: the rule refuses that caller.
        what = None if any(match.labels_needed for match in rule.matches) else contradiction(rule.matches)
        if what:
            yield warning(place, f"{rule.id} can never match: its {what} contradict those of its policy", "match")
        if rule.when is not None and constant(rule.when) is False:
            yield warning(place, f"{rule.id} is never in force: its when is always false", "when")
    for grant, place in book.grants:
        what = contradiction((*grant.matches, Match(applications=grant.applications)))
        if what:
            yield warning(place, f"this grant can never match: its {what} contradict each other, or its policy's")
    for exemption, place in book.exemptions:
        if contradiction((exemption.match, Match(callers=exemption.callers))):
            yield warning(place, "this exception is for no one: its callers contradict those of its policy", "callers")


def contradiction(matches: Sequence[Match]) -> str | None:
    """What of some matches no caller and application can meet together, in words."""
    for one, other in combinations(matches, 2):
        if _apart(one.callers, other.callers):
            return "callers"
        if _apart(one.applications, other.applications):
            return "applications"
        theirs = dict(other.labels)
        for label, globs in one.labels:
            if _apart(globs, theirs.get(label)):
                return f"labels ({label})"
    return None


def _apart(one: Iterable[Glob] | None, other: Iterable[Glob] | None) -> bool:
    return one is not None and other is not None and disjoint(one, other)
