"""A request as rules read it: itself, and what is derived from it once a rule asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emrgateway_server.policy import facts
from emrgateway_server.policy.facts import CannotAmend, Facts, Reading

# What all amendments of one request's Spark settings may read again, in characters: about a second's work.
MOST_REREAD = 8_000_000
# Nothing is derived from these, so that amending them leaves what is derived as it was.
_DERIVED_FROM = frozenset({"jobDriver", "configurationOverrides", "executionRoleArn", "executionIamPolicy"})


class Subject:
    """One request in AWS's form, amended in place of its members: the request that it was made of stays as it is."""

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request: dict[str, Any] = dict(request)
        self._facts: Facts | None = None
        self._stale: Facts | None = None
        self._views: tuple[View, ...] | None = None
        self._reread = 0
        self.any_view = (View(self),)  # for what every reading has alike

    @property
    def facts(self) -> Facts:
        """What its Spark parameters and configurations come to."""
        if self._facts is None:
            self._facts = facts.read(self.request, self._stale)
        return self._facts

    @property
    def views(self) -> tuple[View, ...]:
        """One for each way to read it."""
        if self._views is None:
            self._views = tuple(View(self, number) for number in range(len(self.facts.readings)))
        return self._views

    def put(self, members: tuple[str, ...], value: object) -> None:
        """Set a member, making the structures around it where they are absent."""
        self.request = _with(self.request, members, value)
        if members[0] in _DERIVED_FROM:
            self._forget()

    def amend_conf(self, key: str, value: str) -> None:
        """Make the effective Spark setting `key` this value; `facts.CannotAmend` where that cannot be."""
        self._reread += self.facts.weight
        if self._reread > MOST_REREAD:
            raise CannotAmend(
                "there is too much to read again for each of policy's amendments: shorten sparkSubmitParameters and "
                "spark-defaults, and take out quotes and odd characters, by which they are read in several ways"
            )
        self.request = facts.amended(self.request, key, value)
        self._forget()

    def _forget(self) -> None:
        self._views = None
        if self._facts is not None:
            self._facts, self._stale = None, self._facts


@dataclass(frozen=True, slots=True)
class View:
    """A subject, read one of the ways in which it can be read: `number` counts them, for the field that is asked."""

    subject: Subject
    number: int = 0

    @property
    def request(self) -> Mapping[str, Any]:
        """The request."""
        return self.subject.request

    @property
    def reading(self) -> Reading:
        """This way to read the Spark parameters."""
        return self.subject.facts.readings[self.number]


def _with(container: Mapping[str, Any], members: tuple[str, ...], value: object) -> dict[str, Any]:
    """A copy of a structure with one member set; what is not on the way to it is shared."""
    member, *rest = members
    inner = _with(container.get(member) or {}, tuple(rest), value) if rest else value
    return {**container, member: inner}
