"""What a policy counts on and the gateway's configuration does not give."""

from __future__ import annotations

from collections.abc import Iterator

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy.rules import Match
from emrgateway_server.policytool.reviews.book import Book, Place, warning
from emrgateway_server.settings import Settings
from emrgateway_server.yamlfile import Problem

_NOBODY = Caller("")


def review(book: Book, config: Settings, file: str) -> Iterator[Problem]:
    """Labels that no caller of the configuration has, and applications that no target of it serves."""
    labels = frozenset(label for entry in config.callers for label in entry.labels)
    served = [Glob(text) for target in config.targets for text in target.applications]
    for label, place in _labels(book):
        if label not in labels:
            yield warning(place, f"no caller in {file} has the label {label!r}")
    for grant, place in book.grants:
        for index, glob in enumerate(grant.applications):
            if glob.needs_caller or "*" in glob.text or any(each.matches(glob.text, _NOBODY) for each in served):
                continue
            yield warning(place, f"no target in {file} serves the application {glob.text}", "applications", index)


def _labels(book: Book) -> Iterator[tuple[str, Place]]:
    """Every label that a grant or rule needs or asks for, and where: of a policy's own match, once."""
    for grant, place in book.grants:
        found = frozenset().union(*(glob.labels for glob in (*grant.applications, *grant.roles)))
        if grant.runs.startswith("label:"):
            found |= {grant.runs.removeprefix("label:")}
        yield from ((label, place) for label in sorted(found | _asked(grant.matches[1])))
    for rule, place in book.rules:
        globs = [glob.labels for glob in (*(rule.allow or ()), *rule.deny)]
        values = [value.labels for value in (rule.set, rule.default, rule.fixed) if value]
        found = frozenset().union(*globs, *values, _asked(rule.matches[1]))
        yield from ((label, place) for label in sorted(found))
    parts = [(part.matches[0], place[0]) for part, place in book.grants]
    parts += [(rule.matches[0], place[0]) for rule, place in book.rules]
    for match, document in {id(document): (match, document) for match, document in parts}.values():
        yield from ((label, (document, ("match",))) for label in sorted(_asked(match)))


def _asked(match: Match) -> frozenset[str]:
    return match.labels_needed | {label for label, _ in match.labels}
