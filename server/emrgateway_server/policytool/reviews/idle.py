"""Parts that say something, and mean nothing by it."""

from __future__ import annotations

from collections.abc import Iterator

from emrgateway_server.policytool.reviews.book import Book, warning
from emrgateway_server.policytool.reviews.constants import constant
from emrgateway_server.yamlfile import Problem


def review(book: Book) -> Iterator[Problem]:
    """Keys without effect, empty policies, and a directory that allows nothing."""
    if book.documents and not book.policies.grants:
        yield warning((book.documents[0], ()), "no policy of this directory has a grant: nothing is allowed to anyone")
    for document in book.documents:
        if not any(document.at((parts,)) for parts in ("grants", "rules")):
            yield warning((document, ()), "this policy has neither grants nor rules")
    for grant, place in book.grants:
        document, path = place
        if "start" not in grant.actions and document.at((*path, "roles")) is not None:
            yield warning(place, "roles are asked for at a start alone, and this grant allows none", "roles")
        if grant.actions == {"start"} and document.at((*path, "runs")) is not None:
            yield warning(place, "runs says whose runs may be touched, and this grant allows starts alone", "runs")
    for rule, place in book.rules:
        if rule.when is not None and constant(rule.when) is True:
            yield warning(place, f"the when of {rule.id} is always true: leave it out", "when")
        if rule.check is not None and constant(rule.check) is True:
            yield warning(place, f"the check of {rule.id} is always true: it refuses nothing", "check")
