"""One test case against an engine: what came of it, and where that is not what the case wants."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from emrgateway_server.policy import Decision, Engine, Mode, Outcome, Verdict
from emrgateway_server.policy.field import shown
from emrgateway_server.policy.subject import Subject
from emrgateway_server.policytool import inputs
from emrgateway_server.policytool.cases import Case, Wanted
from emrgateway_server.policytool.flattening import HIDDEN

NOT_FOUND = "DENIED (NOT_FOUND: no grant lets this caller touch this run)"

_KINDS = {
    "denied_by": (Verdict.DENIED, Mode.ENFORCE),
    "warned_by": (Verdict.WARNED, Mode.WARN),
    "audited_by": (Verdict.WARNED, Mode.AUDIT),
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as wanted. `outcomes` are the rules that made it so."""

    what: str
    want: str
    got: str
    outcomes: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case; there is no decision where its action is another than start."""

    case: Case
    decision: Decision | None
    mismatches: tuple[Mismatch, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether all is as wanted."""
        return not self.mismatches


def attempt(case: Case, engine: Engine) -> Result:
    """Run one case."""
    started = time.perf_counter()
    if case.form.action == "start":
        decision = inputs.judge(engine, case.caller, case.request, case.today)
        mismatches = (
            *_of_verdict(case, "ALLOWED" if decision.allowed else "DENIED", decision.outcomes),
            *_of_decision(case, decision),
        )
        return Result(case, decision, mismatches, time.perf_counter() - started)
    application = str(case.request["applicationId"])
    allowed = engine.may_touch(case.form.action, case.caller, application, case.owner)
    mismatches = (*_of_verdict(case, "ALLOWED" if allowed else NOT_FOUND), *_of_rules(case, ()))
    return Result(case, None, mismatches, time.perf_counter() - started)


def _of_verdict(case: Case, got: str, outcomes: Sequence[Outcome] = ()) -> Iterator[Mismatch]:
    if got.partition(" ")[0] != case.form.want.verdict:
        refusing = tuple(each for each in outcomes if each.verdict is Verdict.DENIED)
        yield Mismatch("verdict", case.form.want.verdict, got, refusing)


def _of_decision(case: Case, decision: Decision) -> Iterator[Mismatch]:
    for wanted in case.changed:
        yield from _of_field(case, wanted, decision)
    yield from _of_rules(case, decision.outcomes)


def _of_field(case: Case, wanted: Wanted, decision: Decision) -> Iterator[Mismatch]:
    """A field that is not what it should have become, or has been that from the start."""
    before, after = (_values(wanted, request) for request in (case.request, decision.request))
    if after == [wanted.value] and before != after:
        return
    changing = tuple(
        each for each in decision.outcomes if each.field == wanted.field.path and each.verdict is not Verdict.DENIED
    )
    if before != after:
        got = " or ".join(_shown(value) for value in after)  # what policy made of it is policy's own text
    elif wanted.field.sensitive and before != [None]:
        got = f"{HIDDEN}, unchanged"
    else:
        got = f"{' or '.join(_shown(value) for value in before)}, unchanged"
    yield Mismatch(f"changed: {wanted.field.path}", _shown(wanted.value), got, changing)


def _of_rules(case: Case, outcomes: Sequence[Outcome]) -> Iterator[Mismatch]:
    for what, (verdict, mode) in _KINDS.items():
        want = getattr(case.form.want, what)
        told = {each.rule_id: each for each in outcomes if each.verdict is verdict and each.mode is mode}
        if want is not None and set(want) != told.keys():
            unwanted = tuple(
                each for each in outcomes if each.verdict is verdict and each.mode is mode and each.rule_id not in want
            )
            yield Mismatch(what, _listed(want), _listed(told), unwanted)


def _values(wanted: Wanted, request: Mapping[str, object]) -> list[object]:
    """The field's value, or its values where readers of the request disagree."""
    subject = Subject(request)
    found = [wanted.field.get(view) for view in wanted.field.views(subject)]
    return [value for index, value in enumerate(found) if value not in found[:index]]


def _shown(value: object) -> str:
    return "(unset)" if value is None else shown(value)


def _listed(rules: Iterable[str]) -> str:
    return f"[{', '.join(sorted(rules))}]"
