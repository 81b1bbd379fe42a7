"""What of the policies speaks to one caller of one application on one day: what can be told before a request comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.policy import fields
from emrgateway_server.policy.decision import Mode
from emrgateway_server.policy.plan import Plan, plan
from emrgateway_server.policy.rules import Grant, Policies, Rule


@dataclass(frozen=True, slots=True)
class Selection:
    """Grants and rules in their order.

    `missing_labels` are those that a rule needs and the caller lacks, by the rule's id; `excepted` the rules that an
    exception takes away. `ruled_tags` are the tag keys of which a rule speaks that can deny, by what is left of them
    without case and blanks.
    """

    grants: tuple[Grant, ...]
    rules: tuple[Rule, ...]
    missing_labels: Mapping[str, list[str]]
    excepted: tuple[str, ...]
    ruled_tags: Mapping[str, frozenset[str]]
    _plans: dict[frozenset[str], Plan] = field(default_factory=dict, compare=False)

    def plan(self, request: Mapping[str, Any]) -> Plan:
        """The plan for a request: what there is of the rules depends on its kind of job alone."""
        kind = frozenset(request.get("jobDriver", ()))
        known = self._plans.get(kind)
        if known is None:
            known = self._plans[kind] = plan(self.rules, request, self.missing_labels)
        return known


def select(policies: Policies, caller: Caller, application: str, today: date) -> Selection:
    """Select what speaks to a caller of an application."""
    exempt: set[str] = set()
    for exemption in policies.exemptions:
        if exemption.holds(caller, application, today):
            exempt |= exemption.rules
    speaking = [rule for rule in policies.rules if rule.speaks_to(caller, application)]
    rules = tuple(rule for rule in speaking if rule.id not in exempt)
    missing = {rule.id: rule.missing_labels(caller, application) for rule in rules}
    return Selection(
        tuple(grant for grant in policies.grants if grant.speaks_to(caller, application)),
        rules,
        {rule: labels for rule, labels in missing.items() if labels},
        tuple(rule.id for rule in speaking if rule.id in exempt),
        _ruled_tags([rule for rule in rules if not missing[rule.id]]),
    )


@lru_cache(maxsize=4_096)
def folded(key: str) -> str:
    """A tag's key without case and blanks: two that are alike would be one to whoever reads a bill."""
    return "".join(key.split()).lower()


def _ruled_tags(rules: list[Rule]) -> dict[str, frozenset[str]]:
    keys = {
        rule.field.path.removeprefix(fields.TAGS)
        for rule in rules
        if rule.mode is Mode.ENFORCE and rule.field.path.startswith(fields.TAGS)
    }
    alike: dict[str, frozenset[str]] = {}
    for key in keys:
        alike[folded(key)] = alike.get(folded(key), frozenset()) | {key}
    return alike
