"""Whose runs a grant lets a caller get, list, cancel and watch."""

from __future__ import annotations

from pathlib import Path

import pytest

from emrgateway_server.caller import Caller

from .support import document, engine

_ME = Caller("me", {"team": "data", "tier": "gold"})
_APPLICATION = "00f1"


@pytest.mark.parametrize(
    ("runs", "owner", "may"),
    [
        (None, _ME, True),
        (None, Caller("other", _ME.labels), False),
        (None, None, False),
        ("own", Caller("me"), True),
        ("own", Caller("ME"), False),
        ("all", Caller("other"), True),
        ("all", None, True),
        ("label:team", Caller("other", {"team": "data"}), True),
        ("label:team", Caller("other", {"team": "finance"}), False),
        ("label:team", Caller("other"), False),
        ("label:team", Caller("me"), False),
        ("label:team", None, False),
        ("label:none", Caller("other"), False),
        ("label:none", None, False),
    ],
)
def test_whose_runs(runs: str | None, owner: Caller | None, tmp_path: Path, *, may: bool) -> None:
    """`own` (the default) is by id, `label:NAME` by a label that both have; a run of nobody's is for `all` alone."""
    grant = {"actions": ["get"], "applications": [_APPLICATION], **({"runs": runs} if runs else {})}
    judge = engine(tmp_path, [document(grants=[grant])])
    assert judge.has_grant("get", _ME, _APPLICATION)
    assert judge.may_touch("get", _ME, _APPLICATION, owner) is may


@pytest.mark.parametrize(
    ("action", "application", "has"),
    [("get", "00f1", True), ("cancel", "00f1", False), ("get", "00f2", False), ("cancel", "00f2", True)],
)
def test_actions_and_applications_do_not_multiply(action: str, application: str, tmp_path: Path, *, has: bool) -> None:
    """One grant covers both the action and the application, for reads as for starts; start lets nobody read."""
    grants = [
        {"actions": ["get"], "applications": ["00f1"], "runs": "all"},
        {"actions": ["cancel"], "applications": ["00f2"], "runs": "all"},
        {"actions": ["start"], "applications": ["**"], "roles": ["**"], "runs": "all"},
    ]
    judge = engine(tmp_path, [document(grants=grants)])
    assert judge.has_grant(action, _ME, application) is has
    assert judge.may_touch(action, _ME, application, _ME) is has


def test_reach_does_not_spread_between_grants(tmp_path: Path) -> None:
    """`runs: all` of one action's grant does not widen another action's."""
    grants = [
        {"actions": ["list"], "applications": ["**"], "runs": "all"},
        {"actions": ["cancel"], "applications": ["**"]},
    ]
    judge = engine(tmp_path, [document(grants=grants)])
    assert judge.may_touch("list", _ME, _APPLICATION, Caller("other"))
    assert not judge.may_touch("cancel", _ME, _APPLICATION, Caller("other"))
