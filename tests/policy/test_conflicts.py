"""Two rules that set one field to two values: what only a request can show is refused when it comes."""

from __future__ import annotations

import dataclasses
import itertools
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy import Decision, Engine, Verdict, load_directory
from emrgateway_server.yamlfile import ConfigurationError

from .support import CALLER, GRANT_ALL, document, request, written

_LABELS = {"one": "x", "two": "x", "three": "z"}


def _judged(folder: Path, rules: list[Mapping[str, object]]) -> Decision:
    """The decision of rules that the loader would not let stand beside each other.

    It refuses two `set`s that can meet; where conditions part them, the engine is what sees them meet. So each rule is
    loaded alone, and they are put together here.
    """
    loaded = []
    for number, rule in enumerate(rules):
        place = folder / str(number)
        place.mkdir()
        loaded.append(load_directory(written(place, [document(f"p{number}", grants=[GRANT_ALL], rules=[rule])])))
    together = tuple(rule for policies in loaded for rule in policies.rules)
    engine = Engine(dataclasses.replace(loaded[0], rules=together), engines.message_of)
    return engine.judge(Caller(CALLER, _LABELS), request(), {})


def _denied(decision: Decision) -> list[tuple[str, str]]:
    return [(each.rule_id, each.field) for each in decision.outcomes if each.verdict is Verdict.DENIED]


def test_two_values_are_denied_naming_both(tmp_path: Path) -> None:
    """DENIED builtin/conflict on the field, with both rules' ids."""
    decision = _judged(tmp_path, [{"id": "a", "field": "name", "set": "x"}, {"id": "b", "field": "name", "set": "z"}])
    assert _denied(decision) == [("builtin/conflict", "name")]
    assert "p0/a" in decision.violations[0].description
    assert "p1/b" in decision.violations[0].description


@pytest.mark.parametrize(
    ("second", "denied"),
    [("two", []), ("three", [("builtin/conflict", "tags.t")]), ("none", [("builtin/template", "tags.t")])],
)
def test_templates_conflict_by_what_they_come_to(second: str, denied: list[tuple[str, str]], tmp_path: Path) -> None:
    """Two templates fight if they come to two texts for this caller; one that comes to nothing is told for itself."""
    rules = [
        {"id": "a", "field": "tags.t", "set": "${caller.labels.one}"},
        {"id": "b", "field": "tags.t", "set": f"${{caller.labels.{second}}}"},
    ]
    assert _denied(_judged(tmp_path, [*rules])) == denied


@pytest.mark.parametrize(
    "other",
    [
        {"id": "b", "field": "mode", "set": "BATCH"},
        {"id": "b", "field": "name", "set": "z", "mode": "warn"},
        {"id": "b", "field": "name", "set": "z", "mode": "audit"},
        {"id": "b", "field": "name", "default": "z"},
        {"id": "b", "field": "name", "set": "x"},
        {"id": "b", "field": "name", "set": "z", "match": {"callers": ["someone"]}},
    ],
    ids=["another field", "warn", "audit", "default", "the same value", "another caller"],
)
def test_what_is_no_conflict(other: Mapping[str, object], tmp_path: Path) -> None:
    """A set fights none but another set, in force, that enforces another value of the same field."""
    assert _denied(_judged(tmp_path, [{"id": "a", "field": "name", "set": "x"}, other])) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"callers": ["spiffe://prod.example.com/ns/a/**"]}, {"callers": ["spiffe://prod.example.com/ns/b/**"]}),
        ({"applications": ["00a*"]}, {"applications": ["00b*"]}),
        ({"labels": {"team": ["a"]}}, {"labels": {"team": ["b", "c*"]}}),
    ],
)
def test_sets_that_never_meet_load(one: Mapping[str, object], other: Mapping[str, object], tmp_path: Path) -> None:
    """Two sets on one field whose matches have nothing in common are no mistake, on rules as on documents."""
    rules = [
        {"id": "a", "field": "name", "set": "x", "match": one},
        {"id": "b", "field": "name", "set": "z", "match": other},
    ]
    load_directory(written(tmp_path, [document("p", rules=rules)]))
    apart = [
        document("p", match=one, rules=[{"id": "a", "field": "name", "set": "x"}]),
        document("q", match=other, rules=[{"id": "b", "field": "name", "set": "z"}]),
    ]
    load_directory(written(tmp_path, apart))


_CALLERS = ("", "a", "b", "aa", "ab", "ba", "a*", "b*", "aa*", "*a", "*", "${caller.id}", "a${caller.labels.one}")


@pytest.mark.parametrize("seed", range(20))
def test_the_loader_tells_the_conflicts_that_there_are(seed: int, tmp_path: Path) -> None:
    """Of twenty sets, each pair that differs and of which some caller may meet both is told, and no other."""
    generated = random.Random(seed)  # noqa: S311 - a test's choices
    rules: list[dict[str, Any]] = []
    for number in range(20):
        rules.append({"id": f"r{number}", "field": "name", "set": generated.choice(["x", "y", "${caller.id}"])})
        callers = [each for each in generated.sample(_CALLERS, 2) if each]
        if generated.random() < 0.9:
            rules[-1]["match"] = {"callers": callers}
    meeting = {
        (one["id"], other["id"])
        for one, other in itertools.combinations(rules, 2)
        if one["set"] != other["set"] and _may_meet(one.get("match"), other.get("match"))
    }
    with pytest.raises(ConfigurationError) as caught:
        load_directory(written(tmp_path, [document("p", rules=rules)]))
    told = [re.findall(r"p/(r\d+)", problem.message) for problem in caught.value.problems]
    assert sorted((other, one) for one, other in told) == sorted(meeting)


def _may_meet(one: Mapping[str, list[str]] | None, other: Mapping[str, list[str]] | None) -> bool:
    if one is None or other is None:
        return True
    return any(Glob(a).overlaps(Glob(b)) for a in one["callers"] for b in other["callers"])
