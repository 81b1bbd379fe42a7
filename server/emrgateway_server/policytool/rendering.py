"""A decision as text for people: the verdict, what each rule did and why, the fields before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from emrgateway_server.caller import Caller
from emrgateway_server.policy import STAMPED_CONF, Decision, Mode, Outcome, Verdict
from emrgateway_server.policytool.flattening import Change, changes
from emrgateway_server.policytool.terminal import Paint

_TITLES = {
    Verdict.DENIED: ("refused by", "red"),
    Verdict.CHANGED: ("changed by", "green"),
    Verdict.WARNED: ("warned of by", "yellow"),
}
_STAMPED = "tags.emr-gateway:"
_PROPERTIES = ".properties."


def explained(decision: Decision, caller: Caller, original: Mapping[str, object], paint: Paint) -> str:
    """All that policy made of a request. No value that AWS marks sensitive is in it."""
    verdict = paint("ALLOWED", "green") if decision.allowed else paint("DENIED", "red")
    application = original["applicationId"]
    lines = [
        f"{verdict} {paint(f'for {caller.id}, to start on {application}')}",
        paint(f"policy {decision.policy_digest}", "faint"),
    ]
    for verdict_, (title, colour) in _TITLES.items():
        told = [outcome for outcome in decision.outcomes if outcome.verdict is verdict_]
        if told:
            lines += ["", paint(f"{title}:", colour)]
        for outcome in told:
            lines += _outcome(outcome, paint)
    lines += _difference(decision, original, paint)
    lines += _idle(decision, paint)
    return "\n".join(lines)


def _outcome(outcome: Outcome, paint: Paint) -> Iterator[str]:
    audit = " (audit: the caller is not told)" if outcome.mode is Mode.AUDIT else ""
    yield f"  {paint(outcome.rule_id, 'bold')}  {paint(outcome.field)}{_values(outcome, paint)}{paint(audit, 'faint')}"
    yield f"      {paint(outcome.message)}"


def _values(outcome: Outcome, paint: Paint) -> str:
    if not outcome.before and not outcome.after:
        return ""
    return f": {paint(outcome.before or '(unset)')} -> {paint(outcome.after or '(unset)')}"


def _difference(decision: Decision, original: Mapping[str, object], paint: Paint) -> Iterator[str]:
    found = changes(original, decision.request)
    stamped = set(_stamped([change.path for change in found]))
    groups = {
        "before and after:": [change for change in found if change.path not in stamped],
        "stamped by the gateway:": [change for change in found if change.path in stamped],
    }
    for title, members in groups.items():
        if members:
            yield ""
            yield paint(title)
        for change in members:
            yield from _sides(change, decision, paint)


def _stamped(paths: Sequence[str]) -> Iterator[str]:
    """Those that no policy changed: the reserved tags, the job's place in a trace, the block that was made for it."""
    settings = [path for path in paths if path.partition(_PROPERTIES)[2] in STAMPED_CONF]
    yield from settings
    for path in paths:
        block = path.removesuffix(".classification")
        inside = [each for each in paths if each.startswith(f"{block}.") and each != path]
        if path.startswith(_STAMPED) or (block != path and inside and set(inside) <= set(settings)):
            yield path


def _sides(change: Change, decision: Decision, paint: Paint) -> Iterator[str]:
    rules = dict.fromkeys(
        outcome.rule_id
        for outcome in decision.outcomes
        if outcome.verdict is Verdict.CHANGED and outcome.field == change.path
    )
    by = f"   ({', '.join(rules)})" if rules else ""
    if change.before is not None:
        yield paint(f"  - {change.path}: {change.before}", "red")
    if change.after is not None:
        yield paint(f"  + {change.path}: {change.after}", "green") + paint(by, "faint")


def _idle(decision: Decision, paint: Paint) -> Iterator[str]:
    """The rules that were in force and had nothing to say, and those that an exception took away."""
    spoke = {outcome.rule_id for outcome in decision.outcomes}
    for title, rules in (
        ("in force, and content", [rule for rule in decision.applied if rule not in spoke]),
        ("taken away by an exception", list(decision.excepted)),
    ):
        if rules:
            yield ""
            yield paint(f"{title}: {', '.join(rules)}", "faint")
