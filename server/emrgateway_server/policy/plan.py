"""What of a selection a request meets, sorted by when the engine needs it: told once for all requests of a kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emrgateway_server.policy.cel import Conjunction, Expression
from emrgateway_server.policy.rules import Rule

CONJUNCTIONS_KEPT = 1_024


@dataclass(frozen=True, slots=True)
class Reads:
    """What expressions read: derived fields by name, and whether the request itself."""

    names: frozenset[str]
    request: bool


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks that stand without a `when`, together, and the rules (full ids) that say them."""

    together: Conjunction
    reads_parameters: bool
    rules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules for one kind of job, in their order: all of them, and those that may amend."""

    rules: tuple[Rule, ...]
    amending: tuple[Rule, ...]
    reads: Reads
    reads_to_amend: Reads
    checks: Checks | None


def plan(rules: Iterable[Rule], request: Mapping[str, Any], unread: Mapping[str, object]) -> Plan:
    """The plan for requests with this one's kind of job; `unread` rules cannot be read, and so are not checked."""
    there = tuple(rule for rule in rules if rule.field.exists(request))
    amending = tuple(rule for rule in there if rule.amends)
    is_spark = "sparkSubmit" in request.get("jobDriver", {})
    checking = [rule for rule in there if rule.when is None and rule.id not in unread]
    return Plan(
        there,
        amending,
        _reads(each for rule in there for each in (rule.when, rule.check) if each),
        _reads(rule.when for rule in amending if rule.when),
        _checks([(rule.id, rule.check) for rule in checking if rule.check], is_spark=is_spark),
    )


def _reads(expressions: Iterable[Expression]) -> Reads:
    found = list(expressions)
    return Reads(frozenset().union(*(each.names for each in found)), any(each.reads_request for each in found))


def _checks(said: list[tuple[str, Expression]], *, is_spark: bool) -> Checks | None:
    """Those that may be asked together: of a Hive job, what reads `spark.*` is asked alone, since it may not apply."""
    fit = [(rule, check) for rule, check in said if is_spark or not check.is_of_spark]
    if not fit:
        return None
    return Checks(
        _conjunction(tuple(check.source for _, check in fit)),
        any(check.reads_parameters for _, check in fit),
        frozenset(rule for rule, _ in fit),
    )


@lru_cache(maxsize=CONJUNCTIONS_KEPT)
def _conjunction(sources: tuple[str, ...]) -> Conjunction:
    return Conjunction(sources)
