"""Which rules of a policy its test cases put in force, and which of these ever had anything to decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emrgateway_server.policy.rules import Policies
from emrgateway_server.policytool.trying import Result


@dataclass(frozen=True, slots=True)
class Coverage:
    """Full rule ids, in the policy's order."""

    rules: tuple[str, ...]
    never_in_force: tuple[str, ...]
    never_decided: tuple[str, ...]

    @property
    def decided(self) -> int:
        """How many rules changed, refused or warned of something."""
        return len(self.rules) - len(self.never_in_force) - len(self.never_decided)


def covered(policies: Policies, results: Sequence[Result]) -> Coverage:
    """What the cases show of each rule."""
    decisions = [result.decision for result in results if result.decision is not None]
    decided = {outcome.rule_id for decision in decisions for outcome in decision.outcomes}
    in_force = {rule for decision in decisions for rule in decision.applied}
    rules = tuple(rule.id for rule in policies.rules)
    return Coverage(
        rules,
        tuple(rule for rule in rules if rule not in in_force),
        tuple(rule for rule in rules if rule in in_force and rule not in decided),
    )
