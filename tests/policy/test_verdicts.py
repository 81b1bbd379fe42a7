"""The verdict cases of cases/*.yaml, each through the loader and the engine."""

from __future__ import annotations

import copy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server.caller import Caller
from emrgateway_server.policy import Decision, Mode, Prices, Verdict

from .support import CALLER, GRANT_ALL, LABELS, STAMPS, document, engine, request, value_at

_CASES = Path(__file__).with_name("cases")
_KEYS = {"description", "rules", "policies", "caller", "request", "stamps", "tags", "today", "prices", "want"}
_WANTS = {"allowed", "changed", "denied_by", "warned_by", "audited", "excepted", "applied", "values", "says", "hides"}


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['description']}")
        for file in sorted(_CASES.glob("*.yaml"))
        for case in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("case", _cases())
def test_verdict(case: dict[str, Any], tmp_path: Path) -> None:
    """Each case's policy allows, changes, denies and warns of exactly what the case says, and of nothing else.

    A case has `rules` (of one policy, named p, that grants all) or `policies` (whole documents); `caller`, `request`
    `stamps`, `today` and `prices` stand for themselves, and `tags: N` gives the request N tags. What `want` leaves out
    is empty; `values` are read from the amended request, `says` must and `hides` must not stand in what is told.
    """
    assert case.keys() <= _KEYS
    assert case["want"].keys() <= _WANTS
    want = case["want"]
    decision = _judged(case, tmp_path)
    fields = {outcome.field for outcome in decision.outcomes if outcome.verdict is Verdict.CHANGED}
    found = {
        "allowed": decision.allowed,
        "changed": {field: value_at(decision.request, field) for field in fields},
        "denied_by": _ids(decision, Verdict.DENIED, Mode.ENFORCE),
        "warned_by": _ids(decision, Verdict.WARNED, Mode.WARN),
        "audited": _ids(decision, Verdict.WARNED, Mode.AUDIT),
    }
    expected = {key: want.get(key, {} if key == "changed" else []) for key in found}
    assert found == {**expected, "allowed": want["allowed"]}, decision.outcomes
    assert [*decision.excepted] == want.get("excepted", [])
    assert "applied" not in want or [*decision.applied] == want["applied"]
    values = want.get("values", {})
    assert {field: value_at(decision.request, field) for field in values} == values
    told = " ".join(str(outcome) for outcome in decision.outcomes)
    assert [text for text in want.get("says", []) if text not in told] == []
    assert [text for text in want.get("hides", []) if text in told] == []


def _judged(case: dict[str, Any], folder: Path) -> Decision:
    documents = case.get("policies") or [{"grants": [GRANT_ALL], "rules": case["rules"]}]
    named = [{**document(f"p{number or ''}"), **each} for number, each in enumerate(documents)]
    aws_request = request(case.get("request"))
    if "tags" in case:
        aws_request["tags"] = {f"tag-{number}": "x" for number in range(case["tags"])}
    original = copy.deepcopy(aws_request)
    caller = {"id": CALLER, "labels": LABELS, **case.get("caller", {})}
    stamps = case.get("stamps", STAMPS)
    prices = Prices(**case["prices"]) if "prices" in case else None
    today = date.fromisoformat(case["today"]) if "today" in case else None
    decision = engine(folder, named, prices).judge(Caller(**caller), aws_request, stamps, today)
    assert aws_request == original, "the caller's request is not touched"
    tags = decision.request.get("tags", {})
    assert isinstance(tags, dict)
    assert stamps.items() <= tags.items()
    return decision


def _ids(decision: Decision, verdict: Verdict, mode: Mode) -> list[str]:
    return sorted(
        {outcome.rule_id for outcome in decision.outcomes if outcome.verdict is verdict and outcome.mode is mode}
    )
