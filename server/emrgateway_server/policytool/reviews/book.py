"""A loaded policy, and where in its files each part of it stands."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain

from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.rules import Exemption, Grant, Match, Policies, Rule
from emrgateway_server.policytool.globsets import covers
from emrgateway_server.yamlfile import Document, Path, Problem

Place = tuple[Document, Path]


class Book:
    """The policies of a directory that loads, with its documents; `today` is the day by which exceptions hold."""

    def __init__(self, policies: Policies, documents: Sequence[Document], today: date) -> None:
        self.policies = policies
        self.today = today
        # In the order in which they were compiled, so that their parts can be told by their number.
        self.documents = sorted(
            (each for each in documents if each.at(("kind",)) == "Policy"),
            key=lambda document: str(document.at(("metadata", "name"))),
        )
        self._exempt = frozenset(chain.from_iterable(each.rules for each in policies.exemptions if each.until >= today))

    @property
    def grants(self) -> Iterator[tuple[Grant, Place]]:
        """Each grant and where it stands."""
        return zip(self.policies.grants, self._places("grants"), strict=True)

    @property
    def rules(self) -> Iterator[tuple[Rule, Place]]:
        """Each rule and where it stands."""
        return zip(self.policies.rules, self._places("rules"), strict=True)

    @property
    def exemptions(self) -> Iterator[tuple[Exemption, Place]]:
        """Each exception and where it stands."""
        return zip(self.policies.exemptions, self._places("exceptions"), strict=True)

    def always_refuses(self, rule: Rule) -> bool:
        """Whether nothing keeps a rule from refusing, where its match holds and its field is not to its liking."""
        return rule.mode is Mode.ENFORCE and rule.when is None and rule.id not in self._exempt

    def _places(self, parts: str) -> Iterator[Place]:
        for document in self.documents:
            value = document.at((parts,))
            for index in range(len(value) if isinstance(value, list) else 0):
                yield document, (parts, index)


def warning(place: Place, message: str, *inner: str | int) -> Problem:
    """A warning of a part, at what stands `inner` in it where it does."""
    document, path = place
    return dataclasses.replace(document.problem((*path, *inner), message), severity="warning")


def within(inner: Sequence[Match], outer: Sequence[Match]) -> bool:
    """Whether all of `outer` hold, for certain, wherever all of `inner` do."""
    return all(
        (each.callers is None or _implied(each.callers, [one.callers for one in inner]))
        and (each.applications is None or _implied(each.applications, [one.applications for one in inner]))
        and all(_implied(globs, [dict(one.labels).get(label) for one in inner]) for label, globs in each.labels)
        for each in outer
    )


def _implied(globs: Sequence[object], given: Sequence[object]) -> bool:
    return any(each is not None and covers(globs, each) for each in given)  # type: ignore[arg-type] # globs
