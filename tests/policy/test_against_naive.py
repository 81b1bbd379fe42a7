"""The engine and the naive evaluator say the same of any policy, caller and request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import assume, event, given, settings

from emrgateway_server.caller import Caller
from emrgateway_server.policy import Decision, Verdict

from . import naive
from .strategies import CALLERS, DOCUMENTS, REQUESTS, SETTINGS, STAMPED, Policies, loaded


def _ids(decision: Decision, verdict: Verdict) -> set[str]:
    return {outcome.rule_id for outcome in decision.outcomes if outcome.verdict is verdict}


@given(DOCUMENTS, CALLERS, REQUESTS, STAMPED)
@settings(SETTINGS, max_examples=1_000)
def test_engine_agrees_with_the_naive_one(
    documents: Policies, caller: tuple[str, Mapping[str, str]], request: dict[str, Any], stamps: dict[str, str]
) -> None:
    """The same rules deny, the same warn, and the same request comes out, through the real loader."""
    engine = loaded(documents)
    assume(engine is not None)
    assert engine is not None
    decision = engine.judge(Caller(*caller), request, stamps)
    expected = naive.judge(documents, caller, request, stamps)
    event(f"{'allowed' if decision.allowed else 'denied'}, {len(decision.outcomes)} outcomes")
    assert _ids(decision, Verdict.DENIED) == expected.denied
    assert _ids(decision, Verdict.WARNED) == expected.warned
    assert decision.request == expected.request
    assert decision.allowed is not bool(expected.denied)
