"""What holds of every policy, caller and request."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from emrgateway_server.caller import Caller
from emrgateway_server.policy import Verdict

from .generating import Policies
from .strategies import CALLERS, DOCUMENTS, REQUESTS, SETTINGS, STAMPED, loaded
from .support import GRANT_ALL, STAMPS, document

_CallerParts = tuple[str, Mapping[str, str]]
_GRANTING = document("zz", grants=[GRANT_ALL])


@given(DOCUMENTS, CALLERS, REQUESTS, STAMPED, st.data())
@settings(SETTINGS, max_examples=150)
def test_judging_is_deterministic(
    documents: Policies, caller: _CallerParts, request: dict[str, Any], stamps: dict[str, str], data: st.DataObject
) -> None:
    """The same decision, to the byte: again, by another engine, from documents and members in another order."""
    engine = loaded(documents)
    assume(engine is not None)
    assert engine is not None
    original = copy.deepcopy(request)
    first = engine.judge(Caller(*caller), request, stamps)
    assert request == original, "the caller's request is not touched"
    assert engine.judge(Caller(*caller), request, stamps) == first
    other = loaded(data.draw(st.permutations(documents)))
    assert other is not None
    shuffled = dict(data.draw(st.permutations(list(request.items()))))
    again = other.judge(Caller(*caller), shuffled, stamps)
    assert again == first
    assert json.dumps(again.request, sort_keys=True) == json.dumps(first.request, sort_keys=True)


@given(DOCUMENTS, CALLERS, REQUESTS)
@settings(SETTINGS, max_examples=300)
def test_what_is_allowed_stays_allowed(documents: Policies, caller: _CallerParts, request: dict[str, Any]) -> None:
    """An amended request, less its stamps, passes the same policy again and comes out the same: it is a fixed point."""
    engine = loaded([*documents, _GRANTING])
    assume(engine is not None)
    assert engine is not None
    first = engine.judge(Caller(*caller), request, STAMPS)
    assume(first.allowed)
    sent: Any = copy.deepcopy(dict(first.request))
    sent["tags"] = {key: value for key, value in sent["tags"].items() if key not in STAMPS}
    second = engine.judge(Caller(*caller), sent, STAMPS)
    assert second.violations == ()
    assert second.request == first.request


@given(DOCUMENTS, CALLERS, REQUESTS)
@settings(SETTINGS, max_examples=150)
def test_nothing_but_what_is_told_changes(documents: Policies, caller: _CallerParts, request: dict[str, Any]) -> None:
    """Where no outcome says CHANGED the request comes out as it went in, whatever warns."""
    engine = loaded([*documents, _GRANTING])
    assume(engine is not None)
    assert engine is not None
    decision = engine.judge(Caller(*caller), request, {})
    changed = any(outcome.verdict is Verdict.CHANGED for outcome in decision.outcomes)
    assert changed or decision.request == request


@given(DOCUMENTS, CALLERS, REQUESTS)
@settings(SETTINGS, max_examples=150)
def test_one_more_rule_never_allows_more(documents: Policies, caller: _CallerParts, request: dict[str, Any]) -> None:
    """A document of constraints alone, added to others, keeps every denial that was there: rules only add up."""
    more = document("aa", rules=[{"id": "x", "field": "name", "required": True, "deny": ["z"]}])
    few, many = loaded(documents), loaded([*documents, more])
    assume(few is not None and many is not None)
    assert few is not None
    assert many is not None
    before = {outcome.rule_id for outcome in few.judge(Caller(*caller), request, {}).outcomes}
    after = {outcome.rule_id for outcome in many.judge(Caller(*caller), request, {}).outcomes}
    assert before <= after
