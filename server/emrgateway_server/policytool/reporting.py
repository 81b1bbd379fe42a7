"""What a replay found, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from emrgateway_server.policytool.comparing import Comparison, Kind, Tally
from emrgateway_server.policytool.terminal import Paint

MOST_REQUESTS = 10  # of one kind that the text names

_TITLES = {
    Kind.WOULD_BE_DENIED: ("would be denied", "red"),
    Kind.WOULD_BE_CHANGED: ("would be changed", "yellow"),
    Kind.NEWLY_ALLOWED: ("newly allowed", "green"),
}


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison, and what was compared: `against` is None where that was what was recorded, or nothing at all."""

    policy: str
    digest: str
    against: str | None
    against_digest: str | None
    unread: int
    comparison: Comparison


def as_json(report: Report) -> dict[str, object]:
    """Everything, request by request."""
    comparison = report.comparison
    unjudged = comparison.tallies[Kind.NOT_JUDGEABLE]
    return {
        "policy": report.policy,
        "policy_digest": report.digest,
        "against": report.against,
        "against_digest": report.against_digest,
        "requests": comparison.judged,
        "unreadable": report.unread,
        **{kind.value: _tally(comparison.tallies[kind]) for kind in _TITLES},
        "warned": {"by_rule": dict(comparison.warned.most_common())},
        "not_judgeable": {"rules": sorted(comparison.unjudged_rules), **_tally(unjudged)},
    }


def _tally(tally: Tally) -> dict[str, object]:
    return {
        "total": len(tally.requests),
        "by_rule": dict(tally.by_rule.most_common()),
        "by_caller": dict(tally.by_caller.most_common()),
        "requests": [
            {"source": sample.source, "caller": sample.caller.id, "rules": dict(rules)}
            for sample, rules in tally.requests
        ],
    }


def as_text(report: Report, paint: Paint) -> str:
    """The answer to "what breaks if we switch this on?": counts by rule and by caller, and some of the requests."""
    comparison = report.comparison
    against = f"with {report.against}" if report.against else "with what was decided, or with no gateway at all"
    lines = [paint(f"{comparison.judged} requests by {report.policy}, compared {against}", "bold")]
    for kind, (title, colour) in _TITLES.items():
        tally = comparison.tallies[kind]
        lines.append(f"{paint(title, colour)}: {len(tally.requests)}")
        lines += _lines(tally, paint)
    if comparison.warned:
        lines += ["warned of, and not refused for it:", *_counts("by rule", comparison.warned, paint)]
    if comparison.unjudged_rules:
        tally = comparison.tallies[Kind.NOT_JUDGEABLE]
        lines.append(f"{paint('not judgeable', 'yellow')}: {len(comparison.unjudged_rules)} rules")
        lines += [f"  {paint(rule)}" for rule in sorted(comparison.unjudged_rules)]
        told = f"  {len(tally.requests)} requests, whose originals are not there, could be refused by these"
        lines.append(paint(told))
    if report.unread:
        lines.append(f"{paint('unreadable', 'red')}: {report.unread} (told on standard error)")
    differing = sum(len(tally.requests) for tally in comparison.tallies.values())
    lines.append(f"{paint('no difference', 'green')}: {comparison.judged - differing}")
    return "\n".join(lines)


def _lines(tally: Tally, paint: Paint) -> Iterator[str]:
    if not tally.requests:
        return
    yield from _counts("by rule", tally.by_rule, paint)
    yield from _counts("by caller", tally.by_caller, paint)
    yield "  requests"
    for sample, rules in tally.requests[:MOST_REQUESTS]:
        yield f"    {paint(sample.source)}"
        for rule, told in rules.items():
            yield f"      {paint(rule, 'bold')}  {paint(told)}"
    if len(tally.requests) > MOST_REQUESTS:
        yield paint(f"    and {len(tally.requests) - MOST_REQUESTS} more (-o json has them all)")


def _counts(title: str, counts: Counter[str], paint: Paint) -> Iterator[str]:
    yield f"  {title}"
    for name, count in counts.most_common():
        yield f"    {count:>7}  {paint(name)}"
