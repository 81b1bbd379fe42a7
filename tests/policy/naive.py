"""Policy judged as the design's words go, straight off the documents: slow, plain, and none of the server's code.

The property tests hold the engine against this one.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from . import naive_amending, naive_checking
from .naive_case import Case, Rule, Verdict
from .naive_sizes import Prices
from .naive_templates import Caller, matches_any

_FREE: Prices = (0.0, 0.0, 0.0)


def judge(
    documents: Sequence[Mapping[str, Any]],
    caller: Caller,
    request: Mapping[str, Any],
    stamps: Mapping[str, str],
    *,
    today: date | None = None,
    prices: Prices = _FREE,
) -> Verdict:
    """Judge a request by documents as a YAML file would hold them; `today` is the day by which exceptions hold."""
    case, in_order = _opened(documents, caller, request, prices)
    rules = list(case.rules(in_order, today or datetime.now(UTC).date()))
    amending = [rule for rule in rules if rule.amends and case.applies(rule) and case.can_be_read(rule)]
    naive_amending.amend(amending, case)
    _stamp(stamps, case.verdict)
    _tags([rule for rule in rules if case.is_readable(rule)], request, case.verdict)
    _check(in_order, rules, case)
    return case.verdict


def violations(
    documents: Sequence[Mapping[str, Any]],
    caller: Caller,
    sent: Mapping[str, Any],
    *,
    today: date | None = None,
    prices: Prices = _FREE,
) -> Verdict:
    """Judge what was sent to AWS as it is: nothing is amended, and the gateway's own tags are on it."""
    case, in_order = _opened(documents, caller, sent, prices)
    _check(in_order, list(case.rules(in_order, today or datetime.now(UTC).date())), case)
    return case.verdict


def _opened(
    documents: Sequence[Mapping[str, Any]], caller: Caller, request: Mapping[str, Any], prices: Prices
) -> tuple[Case, list[Mapping[str, Any]]]:
    verdict = Verdict(request=copy.deepcopy(dict(request)))
    return Case(caller, prices, verdict), sorted(documents, key=lambda each: str(each["metadata"]["name"]))


def _check(documents: Sequence[Mapping[str, Any]], rules: Sequence[Rule], case: Case) -> None:
    """The grants, then every constraint."""
    _grant(documents, case)
    naive_checking.check_parameters(rules, case)
    naive_checking.check([rule for rule in rules if case.applies(rule) and case.can_be_read(rule)], case)


def _stamp(stamps: Mapping[str, str], verdict: Verdict) -> None:
    if stamps:
        verdict.request["tags"] = {**verdict.request.get("tags", {}), **stamps}
    if len(verdict.request.get("tags", {})) > 50:
        verdict.denied.add("builtin/tags")


def _tags(rules: Sequence[Rule], original: Mapping[str, Any], verdict: Verdict) -> None:
    """A caller's tag that is reserved, or that equals a rule's but for case and blanks, whether it applies or not."""
    ruled = [rule.field[5:] for rule in rules if rule.enforces and rule.field.startswith("tags.")]
    for key in original.get("tags", {}):
        is_reserved = key.strip().lower().startswith(("aws:", "emr-gateway:"))
        is_like = key not in ruled and _bare(key) in map(_bare, ruled)
        if is_reserved or is_like:
            verdict.denied.add("builtin/tags")


def _bare(key: str) -> str:
    return re.sub(r"\s", "", key).lower()


def _grant(documents: Sequence[Mapping[str, Any]], case: Case) -> None:
    """ONE grant must cover action, application and role."""
    request, caller = case.verdict.request, case.caller
    grants = [
        grant
        for each in documents
        for grant in each.get("grants", [])
        if "start" in grant["actions"]
        and all(case.speaks_to(part.get("match", {})) for part in (each, grant))
        and matches_any(grant["applications"], request["applicationId"], caller)
    ]
    if not grants:
        case.verdict.denied.add("grant/application")
    elif not any(matches_any(grant["roles"], request["executionRoleArn"], caller) for grant in grants):
        case.verdict.denied.add("grant/role")
