"""What a policy says to a caller: the cases of descriptions.yaml, and that it is no other than what judges."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import assume, given, settings

from emrgateway_server.caller import Caller
from emrgateway_server.policy import Mode, describe
from emrgateway_server.policy.document import ACTIONS

from .generating import Policies
from .strategies import CALLERS, DOCUMENTS, REQUESTS, SETTINGS, loaded
from .support import CALLER, LABELS, document, engine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emrgateway_server.policy import DescribedException, DescribedGrant, DescribedRule

_APPLICATION = "00f1"
_TODAY = date(2031, 5, 1)


def _cases() -> list[Any]:
    text = Path(__file__).with_name("descriptions.yaml").read_text(encoding="utf-8")
    return [pytest.param(case, id=case["description"]) for case in yaml.safe_load(text)]


def _said(described: DescribedGrant | DescribedRule | DescribedException) -> dict[str, Any]:
    """What is said, without what is not."""
    parts = asdict(described)
    if parts.get("mode") is Mode.ENFORCE:
        del parts["mode"]
    return {key: _plain(value) for key, value in parts.items() if value not in (None, False, (), "")}


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("case", _cases())
def test_description(case: dict[str, Any], tmp_path: Path) -> None:
    """Each case's policy says to the caller exactly the grants and rules that are wanted, in that order."""
    assert case.keys() <= {"description", "policies", "application", "want"}
    named = [{**document(f"p{number or ''}"), **each} for number, each in enumerate(case["policies"])]
    policy = engine(tmp_path, named)
    description = describe(policy.policies, Caller(CALLER, LABELS), case.get("application", _APPLICATION), _TODAY)
    assert description.policy_digest == policy.digest
    assert [_said(grant) for grant in description.grants] == case["want"].get("grants", [])
    assert [_said(rule) for rule in description.rules] == case["want"].get("rules", [])
    assert [_said(exception) for exception in description.exceptions] == case["want"].get("exceptions", [])


@given(DOCUMENTS, CALLERS, REQUESTS)
@settings(SETTINGS, max_examples=150)
def test_what_judges_is_described(
    documents: Policies, parts: tuple[str, Mapping[str, str]], request: dict[str, Any]
) -> None:
    """Rules that have a say and actions that are granted are described, in the description of every application too."""
    policy = loaded(documents)
    assume(policy is not None)
    assert policy is not None
    caller, application = Caller(*parts), request["applicationId"]
    one, every = (describe(policy.policies, caller, which) for which in (application, ""))
    rules = {rule.id for rule in one.rules}
    outcomes = policy.judge(caller, request, {}).outcomes
    spoke = {outcome.rule_id for outcome in outcomes if outcome.mode is not Mode.AUDIT}
    assert {rule for rule in spoke if not rule.startswith(("grant/", "builtin/"))} <= rules
    for action in ACTIONS:
        is_described = any(action in grant.actions for grant in one.grants)
        assert is_described == policy.has_grant(action, caller, application)
    assert rules <= {rule.id for rule in every.rules}
    assert set(one.grants) <= set(every.grants)
