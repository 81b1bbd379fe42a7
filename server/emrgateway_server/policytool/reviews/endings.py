"""Exceptions that are over, or nearly."""

from __future__ import annotations

from collections.abc import Iterator

from emrgateway_server.policytool.reviews.book import Book, warning
from emrgateway_server.yamlfile import Problem

DAYS_OF_NOTICE = 14


def review(book: Book) -> Iterator[Problem]:
    """Exceptions past their date, and those that end soon: who counts on them should hear of it before."""
    for exemption, place in book.exemptions:
        rules = ", ".join(sorted(exemption.rules))
        days = (exemption.until - book.today).days
        if days < 0:
            yield warning(place, f"the exception from {rules} ended on {exemption.until}: take it out", "until")
        elif days <= DAYS_OF_NOTICE:
            left = "today" if days == 0 else f"in {days} day{'s' if days > 1 else ''}, on {exemption.until}"
            told = f"the exception from {rules} ends {left} ({exemption.reason}, approved by {exemption.approved_by})"
            yield warning(place, told, "until")
