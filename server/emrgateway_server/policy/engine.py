"""Judges one request: amend, stamp, check, once each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice

from emrgateway_server.caller import Caller
from emrgateway_server.policy import derived, fields, stamping, verbs
from emrgateway_server.policy.cel import Expression
from emrgateway_server.policy.conditions import Conditions, MessageOf
from emrgateway_server.policy.decision import Decision, Mode, Outcome, Verdict
from emrgateway_server.policy.facts import CannotAmend
from emrgateway_server.policy.field import Scalar, shown
from emrgateway_server.policy.plan import Reads
from emrgateway_server.policy.rules import Policies, Rule
from emrgateway_server.policy.selection import Selection, folded, select
from emrgateway_server.policy.subject import Subject, View

MAX_TAGS = 50  # AWS's for any resource, whatever the model says
SELECTIONS_KEPT = 4_096
MAX_SHOWN_GRANTS = 8
MAX_COMPLAINTS = 100  # of one rule: half a megabyte can name fifty thousand jars, and a reply must stay small
SPARK_PARAMETERS = "job_driver.spark_submit.spark_submit_parameters"

_Amendment = Callable[[Rule, View, Caller], Scalar | None]

# The order in which rules amend: all `set` and `fixed`, then all `default`, then clamps.
_AMENDMENTS: tuple[_Amendment, ...] = (
    verbs.set_or_fixed,
    verbs.defaulted,
    verbs.clamped_to_max,
    verbs.clamped_to_min,
)


class Engine:
    """One loaded policy. Safe to share between threads: a judgement keeps its state to itself."""

    def __init__(self, policies: Policies, message_of: MessageOf) -> None:
        """`message_of` makes the message that CEL's `request` is of a request in AWS's form."""
        self.policies = policies
        self._message_of = message_of
        self._selected = lru_cache(maxsize=SELECTIONS_KEPT)(self._select)

    @property
    def digest(self) -> str:
        """The digest of the loaded documents."""
        return self.policies.digest

    def judge(
        self,
        caller: Caller,
        request: Mapping[str, object],
        stamps: Mapping[str, str],
        today: date | None = None,
        *,
        conf: Mapping[str, str] | None = None,
    ) -> Decision:
        """The decision on a StartJobRun in AWS's form.

        `stamps` are the reserved tags that the gateway puts on the run, and `conf` the Spark settings where nobody has
        set them: added between amending and checking. `today` is the day in UTC by which exceptions hold; left out, it
        is this one.
        """
        selection = self._selection(caller, str(request["applicationId"]), today)
        judgement = _Judgement(caller, request, selection, self._conditions)
        judgement.amend()
        judgement.stamp(stamps)
        unstamped = judgement.check_with(conf or {})
        return Decision(
            self.digest,
            tuple(judgement.outcomes),
            judgement.subject.request,
            tuple(judgement.applied),
            selection.excepted,
            unstamped,
        )

    def _conditions(self, subject: Subject, caller: Caller, reads: Reads) -> Conditions:
        return Conditions(subject, caller, reads, self._message_of, self.policies.prices)

    def has_grant(self, action: str, caller: Caller, application: str) -> bool:
        """Whether any grant of this caller's speaks of an action on an application, whosever the run."""
        return any(action in grant.actions for grant in self._selection(caller, application).grants)

    def may_touch(self, action: str, caller: Caller, application: str, owner: Caller | None) -> bool:
        """Whether a caller may get, list, cancel or watch a run; `owner` is None where no tag of ours names one."""
        grants = self._selection(caller, application).grants
        return any(_covers(grant.runs, caller, owner) for grant in grants if action in grant.actions)

    def _selection(self, caller: Caller, application: str, today: date | None = None) -> Selection:
        day = today or datetime.now(UTC).date()
        return self._selected(caller.id, tuple(sorted(caller.labels.items())), application, day)

    def _select(self, caller_id: str, labels: tuple[tuple[str, str], ...], application: str, today: date) -> Selection:
        return select(self.policies, Caller(caller_id, dict(labels)), application, today)


class _Judgement:
    """The three passes over one request."""

    def __init__(
        self,
        caller: Caller,
        request: Mapping[str, object],
        selection: Selection,
        conditions: Callable[[Subject, Caller, Reads], Conditions],
    ) -> None:
        self._caller = caller
        self._original = request
        self._selection = selection
        self._conditions = conditions
        self.subject = Subject(request)
        self.outcomes: list[Outcome] = []
        self.applied: dict[str, None] = {}
        self._would_change: set[str] = set()
        self._plan = selection.plan(request)

    def amend(self) -> None:
        """All `set` and `fixed`, then all `default`, then clamps: `max`, then `min`."""
        conditions = self._conditions(self.subject, self._caller, self._plan.reads_to_amend)
        in_force = self._in_force(self._plan.amending, conditions)
        rules = [rule for rule in in_force if rule.id not in self._selection.missing_labels]
        for rule in in_force:
            if rule.id in self._selection.missing_labels:
                # Told here, for its `when` may not hold any more of what it did not amend.
                self._refuse_unread(rule)
        fighting = self._fighting(rules)
        for amendment in _AMENDMENTS:
            for rule in rules:
                if rule.id not in fighting or amendment is not verbs.set_or_fixed:
                    self._amend(rule, amendment)

    def stamp(self, stamps: Mapping[str, str]) -> None:
        """Refuse the caller's own reserved tags, and put ours."""
        self._refuse_tag_keys()
        request = self.subject.request
        if stamps:
            self.subject.put(("tags",), {**request.get("tags", {}), **stamps})
        count = len(self.subject.request.get("tags", {}))
        if count > MAX_TAGS:
            own = f"{len(stamps)} of them the gateway's own"
            self._deny("builtin/tags", "tags", f"are {count} with policy's and {own}; AWS allows {MAX_TAGS}")

    def check_with(self, conf: Mapping[str, str]) -> str:
        """Put settings of the gateway's own and check; why one was left out, empty where none was.

        What is no more than a convenience must not have a job refused: where policy does not like it, it is left out.
        """
        before, count = self.subject.request, len(self.outcomes)
        put = stamping.stamped(before, conf)
        if put.request is before:
            self.check()
            return put.left_out
        self.subject.put(("configurationOverrides",), put.request["configurationOverrides"])
        self.check()
        with_it = self.outcomes[count:]
        if not any(each.verdict is Verdict.DENIED or put.has_new_block for each in with_it):
            return ""
        stamped = self.subject
        self.subject = Subject(before)
        del self.outcomes[count:]
        self.check()
        if self.outcomes[count:] != with_it:
            return stamping.REFUSED
        self.subject = stamped
        return ""

    def check(self) -> None:
        """The grants, then every constraint of every rule, on the amended request."""
        self._check_grants()
        conditions = self._conditions(self.subject, self._caller, self._plan.reads)
        rules = self._in_force(self._plan.rules, conditions)
        self._check_parameters(rules)
        checks = self._plan.checks
        held = checks.rules if checks is not None and conditions.all_hold(checks) else frozenset()
        for rule in rules:
            if rule.id in self._selection.missing_labels:
                self._refuse_unread(rule)
            elif rule.id not in held:
                self._check(rule, rule.check, conditions)
            elif rule.constrains:
                self._check(rule, None, conditions)

    def _check(self, rule: Rule, check: Expression | None, conditions: Conditions) -> None:
        told: dict[str, None] = {}
        if rule.constrains:
            for view in rule.field.views(self.subject):
                found = verbs.complaints(rule, view, self._caller)
                if found:
                    told |= dict.fromkeys(islice(found, MAX_COMPLAINTS))
        if check is not None:
            told |= dict.fromkeys(conditions.complaints(check))
        for complaint in islice(told, MAX_COMPLAINTS):
            self._complain(rule, complaint)
        if len(told) >= MAX_COMPLAINTS:
            self._complain(rule, f"and perhaps more: the first {MAX_COMPLAINTS} are told")

    def _in_force(self, rules: Iterable[Rule], conditions: Conditions) -> list[Rule]:
        """The rules whose `when` is true of the request as it is now."""
        in_force = [rule for rule in rules if rule.when is None or conditions.applies(rule.when)]
        self.applied |= dict.fromkeys([rule.id for rule in in_force])
        return in_force

    def _fighting(self, rules: list[Rule]) -> set[str]:
        """The rules whose `set` another one contradicts."""
        first: dict[str, tuple[Rule, Scalar]] = {}
        fighting: set[str] = set()
        for rule in rules:
            if rule.set is None or rule.mode is not Mode.ENFORCE:
                continue
            value = rule.set.rendered(self._caller)
            other, other_value = first.setdefault(rule.field.path, (rule, value))
            if value != other_value:
                fighting.add(rule.id)
                message = f"policy contradicts itself: {other.id} and {rule.id} set it to two values"
                self._deny("builtin/conflict", rule.field.path, message)
        return fighting

    def _amend(self, rule: Rule, amendment: _Amendment) -> None:
        for view in rule.field.views(self.subject):
            after = amendment(rule, view, self._caller)
            if after is not None and after != (before := rule.field.get(view)):
                self._put(rule, before, after)
                return

    def _put(self, rule: Rule, before: object, after: Scalar) -> None:
        values = {} if rule.field.sensitive else {"before": shown(before), "after": shown(after)}
        if rule.mode is not Mode.ENFORCE:
            self._would_change.add(rule.id)
            self._tell(rule, Verdict.WARNED, _reasoned("policy would change it", rule.why), **values)
            return
        try:
            rule.field.put(self.subject, after)
        except CannotAmend as error:
            self._tell(rule, Verdict.DENIED, _reasoned(str(error), rule.why))
        else:
            self._tell(rule, Verdict.CHANGED, _reasoned("changed by policy", rule.why), **values)

    def _check_parameters(self, rules: list[Rule]) -> None:
        """What readers of the parameters disagree on, where a rule in force speaks of what is read from them.

        So does one whose `when` reads them: whether it is in force is what readers disagree on.
        """
        in_doubt = [rule for rule in self._plan.rules if rule.when is not None and rule.when.reads_parameters]
        reading = [*in_doubt, *(rule for rule in rules if rule.reads_parameters)]
        if not reading:
            return
        mode = Mode.ENFORCE if any(rule.mode is Mode.ENFORCE for rule in reading) else reading[0].mode
        waivers = [
            rule.allow
            for rule in rules
            if rule.allow is not None and rule.field.path == derived.PARAMETERS and rule.mode is Mode.ENFORCE
        ]
        for trouble in self.subject.facts.troubles:
            if waivers and all(any(glob.matches(trouble.kind, self._caller) for glob in globs) for globs in waivers):
                continue
            verdict = Verdict.DENIED if mode is Mode.ENFORCE else Verdict.WARNED
            message = f"{trouble.place}: {trouble.message} ({trouble.kind})"
            self.outcomes.append(Outcome("builtin/spark-parameters", verdict, SPARK_PARAMETERS, message, mode=mode))

    def _complain(self, rule: Rule, complaint: str) -> None:
        if rule.mode is Mode.ENFORCE:
            self._tell(rule, Verdict.DENIED, _reasoned(complaint, rule.why))
        elif rule.id not in self._would_change:  # amended, the field would have passed
            self._tell(rule, Verdict.WARNED, _reasoned(complaint, rule.why))

    def _tell(self, rule: Rule, verdict: Verdict, message: str, before: str = "", after: str = "") -> None:
        self.outcomes.append(Outcome(rule.id, verdict, rule.field.path, message, before, after, rule.mode))

    def _refuse_unread(self, rule: Rule) -> None:
        """A rule that needs a label which the caller lacks cannot be read: it fails closed."""
        what = " and ".join(map(repr, self._selection.missing_labels[rule.id]))
        message = f"{rule.id} needs the caller's label {what}, and this caller has none"
        verdict = Verdict.DENIED if rule.mode is Mode.ENFORCE else Verdict.WARNED
        outcome = Outcome("builtin/template", verdict, rule.field.path, message, mode=rule.mode)
        if outcome not in self.outcomes:
            self.outcomes.append(outcome)

    def _refuse_tag_keys(self) -> None:
        ruled = self._selection.ruled_tags
        for key in sorted(self._original.get("tags") or {}):  # type: ignore[call-overload]
            bare = folded(key)
            if bare.startswith(fields.RESERVED_TAG_PREFIXES) and key.strip().lower().startswith(
                fields.RESERVED_TAG_PREFIXES
            ):
                reserved = " and ".join(fields.RESERVED_TAG_PREFIXES)
                self._deny("builtin/tags", f"tags.{key}", f"keys that begin with {reserved} are reserved: leave it out")
            elif key not in ruled.get(bare, (key,)):
                meant = min(ruled[bare])
                self._deny("builtin/tags", f"tags.{key}", f"is {meant!r} but for case or blanks: write {meant!r}")

    def _check_grants(self) -> None:
        starting = [grant for grant in self._selection.grants if "start" in grant.actions]
        request = self.subject.request
        application, role = str(request["applicationId"]), str(request["executionRoleArn"])
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
