"""What a careful reviewer would say of a policy that loads: warnings, each of them certain.

A review is a function of the whole `Book`; a new one is a module here and a line in `REVIEWS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emrgateway_server.policytool.reviews import endings, idle, refusals, shadows, undone, unreachable
from emrgateway_server.policytool.reviews.book import Book
from emrgateway_server.yamlfile import Problem

__all__ = ["REVIEWS", "Book", "warnings"]

REVIEWS: tuple[Callable[[Book], Iterator[Problem]], ...] = (
    unreachable.review,
    refusals.review,
    shadows.review,
    endings.review,
    idle.review,
    undone.review,
)


def warnings(book: Book) -> list[Problem]:
    """Everything that the reviews say, in the order of the files."""
    return sorted(problem for review in REVIEWS for problem in review(book))
