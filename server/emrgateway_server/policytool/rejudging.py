"""A sample judged again: by a policy, by the audit's record, or by there being no gateway."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from emrgateway_server import emr, engines
from emrgateway_server.policy import Decision, Engine, Verdict
from emrgateway_server.policytool import inputs, partial
from emrgateway_server.policytool.decisionlog import LoggedResult
from emrgateway_server.policytool.samples import Sample

INVALID = "INVALID_REQUEST"  # where AWS's model refuses: before any policy, and whichever it is

_ROLE = "execution_role_arn"


class Answer(StrEnum):
    """What is known of a request: UNKNOWN where what would refuse it could not be judged."""

    ALLOWED = "ALLOWED"
    DENIED = "DENIED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Judged:
    """What one side makes of a sample.

    `refused` and `warned` are by full rule id, with the place and the message; `changed` by the field, with the rule
    that had the last word and the value, empty where that is sensitive. `request` is what would be sent, less the
    reserved tags; None where only the changes are known. `unjudged` are the rules that could not be.
    """

    answer: Answer
    refused: Mapping[str, str] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    request: Mapping[str, object] | None = None
    unjudged: frozenset[str] = frozenset()


def by_nobody(sample: Sample) -> Judged:
    """What becomes of a request where there is no gateway: it is sent as it is."""
    return Judged(Answer.ALLOWED, request=sample.request)


def by_record(result: LoggedResult) -> Judged:
    """What the gateway said then."""
    changed = {each.field: (each.rule_id, each.after) for each in result.outcomes if each.verdict == "VERDICT_CHANGED"}
    refused = {each.rule_id: each.field for each in result.outcomes if each.verdict == "VERDICT_DENIED"}
    return Judged(Answer(result.verdict), refused=refused, changed=changed)


class Judge:
    """One policy, and the day by which its exceptions hold."""

    def __init__(self, engine: Engine, today: date | None) -> None:
        self.digest = engine.digest
        self._engine = engine
        self._today = today
        self._partial: dict[frozenset[str], Engine] = {}

    def judge(self, sample: Sample) -> Judged:
        """What the policy makes of a sample."""
        if sample.invalid:
            told = "; ".join(f"{each.field}: {each.description}" for each in sample.invalid)
            return Judged(Answer.DENIED, refused={INVALID: told})
        if not sample.erased:
            return _judged(inputs.judge(self._engine, sample.caller, sample.request, self._today), frozenset())
        policies = self._engine.policies
        unjudged = partial.not_judgeable(policies, sample.caller, sample.request, sample.erased, self._today)
        stamps = emr.reserved_tags(caller=sample.caller.id, token="", intent=emr.intent(sample.request))
        decision = self._without(unjudged).judge(sample.caller, sample.request, stamps, self._today)
        judged = _judged(decision, unjudged)
        # Who may use a role is asked of the role that policy makes of it.
        moved = any(rule.id in unjudged and rule.amends and rule.field.path == _ROLE for rule in policies.rules)
        if moved or (unjudged and judged.answer is Answer.ALLOWED):
            return dataclasses.replace(judged, answer=Answer.UNKNOWN)
        return judged

    def _without(self, unjudged: frozenset[str]) -> Engine:
        if unjudged not in self._partial:
            policies = self._engine.policies
            rules = tuple(rule for rule in policies.rules if rule.id not in unjudged)
            self._partial[unjudged] = Engine(dataclasses.replace(policies, rules=rules), engines.message_of)
        return self._partial[unjudged]


def _judged(decision: Decision, unjudged: frozenset[str]) -> Judged:
    told: dict[Verdict, dict[str, str]] = {verdict: {} for verdict in Verdict}
    for outcome in decision.outcomes:
        told[outcome.verdict].setdefault(outcome.rule_id, f"{outcome.field}: {outcome.message}")
    return Judged(
        Answer.ALLOWED if decision.allowed else Answer.DENIED,
        refused=told[Verdict.DENIED],
        warned=told[Verdict.WARNED],
        changed={
            outcome.field: (outcome.rule_id, outcome.after)
            for outcome in decision.outcomes
            if outcome.verdict is Verdict.CHANGED
        },
        request=None if unjudged else _sent(decision.request),
        unjudged=unjudged,
    )


def _sent(request: Mapping[str, object]) -> dict[str, object]:
    """A request without what the gateway stamps, which says nothing of policy."""
    tags = request.get("tags")
    if not isinstance(tags, dict):
        return dict(request)
    own = {key: value for key, value in tags.items() if not key.startswith(emr.TAG_PREFIX)}
    return {**{key: value for key, value in request.items() if key != "tags"}, **({"tags": own} if own else {})}
