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
_Scope = tuple[int, ...]


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
        self._covering: dict[_Scope, list[_Scope]] = {}
        self._scopes: dict[_Scope, tuple[Match, ...]] = {}
        self._rules: dict[tuple[str, _Scope], list[Rule]] = {}
        self._by_field: dict[str, list[Rule]] = {}
        for rule in policies.rules:
            scope = _scope(rule)
            self._scopes[scope] = rule.matches
            self._rules.setdefault((rule.field.path, scope), []).append(rule)
            self._by_field.setdefault(rule.field.path, []).append(rule)
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

    def of_field(self, path: str) -> Sequence[Rule]:
        """The rules that speak of a field."""
        return self._by_field.get(path, ())

    def wherever(self, rule: Rule) -> Iterator[Rule]:
        """The rules, itself among them, that speak of a rule's field and match, for certain, wherever it does."""
        scope = _scope(rule)
        if scope not in self._covering:
            # Once a scope: the rules of a document share theirs, and there may be a thousand documents.
            self._covering[scope] = [each for each in self._scopes if within(rule.matches, self._scopes[each])]
        for each in self._covering[scope]:
            yield from self._rules.get((rule.field.path, each), ())

    def _places(self, parts: str) -> Iterator[Place]:
        for document in self.documents:
            value = document.at((parts,))
            for index in range(len(value) if isinstance(value, list) else 0):
                yield document, (parts, index)


def _scope(rule: Rule) -> _Scope:
    """What is the same for rules whose matches are one and the same; the book holds these, so that their ids stay."""
    return tuple(map(id, rule.matches))


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
