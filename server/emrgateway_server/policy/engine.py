"""Judges one request: amend, stamp, check, once each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from emrgateway_server.caller import Caller
from emrgateway_server.policy import describing, fields, verbs
from emrgateway_server.policy.decision import Decision, Mode, Outcome, Verdict
from emrgateway_server.policy.describing import Description
from emrgateway_server.policy.fields import Scalar, shown
from emrgateway_server.policy.rules import Grant, Policies, Rule

MAX_TAGS = 50  # AWS's for any resource, whatever the model says
SELECTIONS_KEPT = 4_096
MAX_SHOWN_GRANTS = 8

_Amendment = Callable[[Rule, Mapping[str, Any], Caller], Scalar | None]


class Engine:
    """One loaded policy. Safe to share between threads: a judgement keeps its state to itself."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies
        self._selected = lru_cache(maxsize=SELECTIONS_KEPT)(self._select)

    @property
    def digest(self) -> str:
        """The digest of the loaded documents."""
        return self._policies.digest

    def describe(self, caller: Caller, application: str) -> Description:
        """What speaks to a caller of an application; where that is empty, of whichever."""
        return describing.describe(self._policies, caller, application)

    def judge(self, caller: Caller, request: Mapping[str, object], stamps: Mapping[str, str]) -> Decision:
        """The decision on a StartJobRun in AWS's form.

        `stamps` are the reserved tags that the gateway puts on the run: added between amending and checking.
        """
        grants, rules = self._selection(caller, str(request["applicationId"]))
        judgement = _Judgement(caller, request, rules)
        judgement.amend()
        judgement.stamp(stamps)
        judgement.check(grants)
        return Decision(self.digest, tuple(judgement.outcomes), judgement.request)

    def has_grant(self, action: str, caller: Caller, application: str) -> bool:
        """Whether any grant of this caller's speaks of an action on an application, whosever the run."""
        return any(action in grant.actions for grant in self._selection(caller, application)[0])

    def may_touch(self, action: str, caller: Caller, application: str, owner: Caller | None) -> bool:
        """Whether a caller may get, list, cancel or watch a run; `owner` is None where no tag of ours names one."""
        grants, _ = self._selection(caller, application)
        return any(_covers(grant.runs, caller, owner) for grant in grants if action in grant.actions)

    def _selection(self, caller: Caller, application: str) -> tuple[tuple[Grant, ...], tuple[Rule, ...]]:
        return self._selected(caller.id, tuple(sorted(caller.labels.items())), application)

    def _select(
        self, caller_id: str, labels: tuple[tuple[str, str], ...], application: str
    ) -> tuple[tuple[Grant, ...], tuple[Rule, ...]]:
        caller = Caller(caller_id, dict(labels))
        return (
            tuple(grant for grant in self._policies.grants if grant.speaks_to(caller, application)),
            tuple(rule for rule in self._policies.rules if rule.speaks_to(caller, application)),
        )


class _Judgement:
    """The three passes over one request."""

    def __init__(self, caller: Caller, request: Mapping[str, object], rules: tuple[Rule, ...]) -> None:
        self._caller = caller
        self._original = request
        self.request: dict[str, Any] = copy.deepcopy(dict(request))
        self.outcomes: list[Outcome] = []
        self._would_change: set[str] = set()
        self._rules = tuple(rule for rule in rules if rule.field.exists(request) and self._can_be_read(rule))

    def amend(self) -> None:
        """All `set` and `fixed`, then all `default`, then clamps: `max`, then `min`."""
        setting = self._without_conflicts()
        passes: tuple[tuple[tuple[Rule, ...], _Amendment], ...] = (
            (setting, verbs.set_or_fixed),
            (self._rules, verbs.defaulted),
            (self._rules, lambda rule, request, _: verbs.clamped_to_max(rule, request)),
            (self._rules, lambda rule, request, _: verbs.clamped_to_min(rule, request)),
        )
        for rules, amendment in passes:
            for rule in rules:
                self._amend(rule, amendment)

    def stamp(self, stamps: Mapping[str, str]) -> None:
        """Refuse the caller's own reserved tags, and put ours."""
        self._refuse_tag_keys()
        if stamps:
            self.request["tags"] = {**self.request.get("tags", {}), **stamps}
        count = len(self.request.get("tags", {}))
        if count > MAX_TAGS:
            own = f"{len(stamps)} of them the gateway's own"
            self._deny("builtin/tags", "tags", f"are {count} with policy's and {own}; AWS allows {MAX_TAGS}")

    def check(self, grants: tuple[Grant, ...]) -> None:
        """The grants, then every constraint of every rule, on the amended request."""
        self._check_grants(grants)
        for rule in self._rules:
            for complaint in verbs.complaints(rule, self.request, self._caller):
                self._complain(rule, complaint)

    def _without_conflicts(self) -> tuple[Rule, ...]:
        """The rules, less those whose `set` another one contradicts."""
        first: dict[str, tuple[Rule, Scalar]] = {}
        fighting: set[str] = set()
        for rule in self._rules:
            if rule.set is None or rule.mode is not Mode.ENFORCE:
                continue
            value = rule.set.rendered(self._caller)
            other, other_value = first.setdefault(rule.field.path, (rule, value))
            if value != other_value:
                fighting |= {rule.id}
                message = f"policy contradicts itself: {other.id} and {rule.id} set it to two values"
                self._deny("builtin/conflict", rule.field.path, message)
        return tuple(rule for rule in self._rules if rule.id not in fighting)

    def _amend(self, rule: Rule, amendment: _Amendment) -> None:
        before = rule.field.get(self.request)
        after = amendment(rule, self.request, self._caller)
        if after is None or after == before:
            return
        values = {} if rule.field.sensitive else {"before": shown(before), "after": shown(after)}
        if rule.mode is Mode.ENFORCE:
            rule.field.put(self.request, after)
            self._tell(rule, Verdict.CHANGED, _reasoned("changed by policy", rule.why), **values)
        else:
            self._would_change.add(rule.id)
            self._tell(rule, Verdict.WARNED, _reasoned("policy would change it", rule.why), **values)

    def _complain(self, rule: Rule, complaint: str) -> None:
        if rule.mode is Mode.ENFORCE:
            self._tell(rule, Verdict.DENIED, _reasoned(complaint, rule.why))
        elif rule.id not in self._would_change:  # amended, the field would have passed
            self._tell(rule, Verdict.WARNED, _reasoned(complaint, rule.why))

    def _tell(self, rule: Rule, verdict: Verdict, message: str, before: str = "", after: str = "") -> None:
        self.outcomes.append(Outcome(rule.id, verdict, rule.field.path, message, before, after, rule.mode))

    def _can_be_read(self, rule: Rule) -> bool:
        """Whether the caller has the labels that a rule needs; one that cannot be read denies: it fails closed."""
        missing = rule.missing_labels(self._caller, str(self._original["applicationId"]))
        if missing:
            what = " and ".join(map(repr, missing))
            message = f"{rule.id} needs the caller's label {what}, and this caller has none"
            verdict = Verdict.DENIED if rule.mode is Mode.ENFORCE else Verdict.WARNED
            self.outcomes.append(Outcome("builtin/template", verdict, rule.field.path, message, mode=rule.mode))
        return not missing

    def _refuse_tag_keys(self) -> None:
        ruled = set(self._ruled_tags())
        alike = {_folded(key): key for key in sorted(ruled)}
        for key in sorted(self._original.get("tags") or {}):  # type: ignore[call-overload]
            meant = alike.get(_folded(key), key)
            if key.strip().lower().startswith(fields.RESERVED_TAG_PREFIXES):
                reserved = " and ".join(fields.RESERVED_TAG_PREFIXES)
                self._deny("builtin/tags", f"tags.{key}", f"keys that begin with {reserved} are reserved: leave it out")
            elif meant != key and key not in ruled:
                self._deny("builtin/tags", f"tags.{key}", f"is {meant!r} but for case or blanks: write {meant!r}")

    def _ruled_tags(self) -> Iterator[str]:
        """The tag keys that rules in force speak of; a rule that only warns denies nothing."""
        for rule in self._rules:
            if rule.mode is Mode.ENFORCE and rule.field.path.startswith(fields.TAGS):
                yield rule.field.path.removeprefix(fields.TAGS)

    def _check_grants(self, grants: tuple[Grant, ...]) -> None:
        starting = [grant for grant in grants if "start" in grant.actions]
        application, role = str(self.request["applicationId"]), str(self.request["executionRoleArn"])
        if not starting:
            self._deny("grant/application", "application_id", f"no grant lets {self._caller.id} start on {application}")
        elif not any(grant.covers_role(role, self._caller) for grant in starting):
            globs = list(dict.fromkeys(glob.shown(self._caller) for grant in starting for glob in grant.roles))
            more = f" and {len(globs) - MAX_SHOWN_GRANTS} more" if len(globs) > MAX_SHOWN_GRANTS else ""
            allowed = ", ".join(globs[:MAX_SHOWN_GRANTS]) + more
            self._deny("grant/role", "execution_role_arn", f"is {role}; allowed for {self._caller.id}: {allowed}")

    def _deny(self, rule_id: str, field: str, message: str) -> None:
        self.outcomes.append(Outcome(rule_id, Verdict.DENIED, field, message))


def _reasoned(message: str, why: str) -> str:
    return f"{message}. {why}" if why else message


def _folded(key: str) -> str:
    return "".join(key.split()).lower()


def _covers(runs: str, caller: Caller, owner: Caller | None) -> bool:
    """Whether a grant's `runs` covers a run: all, the caller's own, or those whose owner shares a label."""
    if runs == "all":
        return True
    if owner is None:
        return False
    if runs == "own":
        return owner.id == caller.id
    label = runs.removeprefix("label:")
    return label in caller.labels and caller.labels[label] == owner.labels.get(label)
