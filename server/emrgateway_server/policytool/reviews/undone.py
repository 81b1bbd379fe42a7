"""Session policies that another one can undo."""

from __future__ import annotations

from collections.abc import Iterator

from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.rules import Rule
from emrgateway_server.policytool.reviews.book import Book, Place, warning, within
from emrgateway_server.yamlfile import Problem

_WHOLE = "execution_iam_policy"
_POLICY = f"{_WHOLE}.policy"
_ARNS = f"{_WHOLE}.policy_arns"


def review(book: Book) -> Iterator[Problem]:
    """A session policy that policy gives, where the caller may name others beside it.

    A session may do what its role and any of its session policies allow (IAM's user guide, "Session policies"), so that
    all that the given one leaves out can be had by another. What it denies stays denied.
    """
    for rule, place in book.rules:
        verb = "set" if rule.set is not None else "fixed"
        given = rule.set if rule.set is not None else rule.fixed
        if rule.field.path == _POLICY and given is not None and not _is_alone(rule, book):
            yield _warned(rule, place, verb)


def _is_alone(rule: Rule, book: Book) -> bool:
    """Whether a rule that is there wherever this one is keeps others away, or says which they may be."""
    beside = [each for each in book.of_field(_ARNS) if each.forbidden or each.allow is not None]
    beside += [each for each in book.of_field(_WHOLE) if each.forbidden]
    return any(each.mode is Mode.ENFORCE and within(rule.matches, each.matches) for each in beside)


def _warned(rule: Rule, place: Place, verb: str) -> Problem:
    message = (
        f"what {rule.id} does not allow, a caller's own {_ARNS} may: session policies add up; "
        f"forbid {_ARNS} beside it, or allow those that are harmless"
    )
    return warning(place, message, verb)
