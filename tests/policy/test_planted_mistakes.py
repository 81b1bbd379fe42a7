"""Any number of mistakes in one document, grant, rule or exception: each is told once, and none hides another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway_server.policy import load_directory
from emrgateway_server.yamlfile import ConfigurationError

# What stands where: part → key → text. `~missing` says that the key is left out.
Plan: TypeAlias = "dict[tuple[str, str], str]"

_MISSING = "~missing"
_TABLE: dict[str, dict[str, list[str]]] = yaml.load(
    Path(__file__).with_name("planted.yaml").read_text(encoding="utf-8"),
    Loader=yaml.BaseLoader,  # noqa: S506 - it makes nothing but texts
)
_PLANTED = {(part, key): texts for part, keys in _TABLE.items() for key, texts in keys.items()}
_ONE_BY_ONE = [{place: text} for place, texts in _PLANTED.items() for text in texts]
_GOOD = {
    "document": {"apiVersion": "emrgateway/v1", "kind": "Policy", "metadata": "{name: p}"},
    "grant": {"actions": "[get, start]", "applications": '["**"]', "roles": '["**"]'},
    "rule": {"id": "b", "field": "tags.x", "required": "true"},
    "exception": {"rules": "[a]", "callers": '["**"]', "until": "2026-12-31", "reason": "x", "approved_by": "me"},
}
# The rule `a` is there so that the exception has one to speak of.
_LISTS = {
    "grant": ["grants:"],
    "rule": ["rules:", "  - {id: a, field: name, required: true}"],
    "exception": ["exceptions:"],
}


def _written(plan: Plan) -> tuple[str, Counter[int]]:
    """The text of a document, and how many mistakes must be told of each of its lines."""
    lines: list[str] = []
    wanted: Counter[int] = Counter()
    for part, good in _GOOD.items():
        lines += _LISTS.get(part, [])
        planted = {key: text for (where, key), text in plan.items() if where == part}
        first = len(lines) + 1
        for key, text in {**good, **planted}.items():
            if text == _MISSING:
                wanted[first] += 1  # a key that is missing is told where its part begins
                continue
            indent = "" if part == "document" else "  - " if len(lines) + 1 == first else "    "
            lines.append(f"{indent}{key}: {text}")
            wanted[len(lines)] += key in planted
    return "\n".join(lines) + "\n", +wanted


def _stands_together(plan: Plan) -> bool:
    """Whether each is a mistake beside the others."""
    rule_without_a_name = plan.get(("rule", "id")) == _MISSING
    if rule_without_a_name and plan.get(("exception", "rules")) == "[nope]":
        return False  # who knows what the rule is called
    if plan.get(("rule", "field")) == _MISSING and ("rule", "check") in plan:
        return False  # a check needs no field
    no_start = plan.get(("grant", "actions"), "[start, zap]") != "[start, zap]"
    return not (no_start and plan.get(("grant", "roles")) == _MISSING)


def _assert_told(folder: Path, plan: Plan) -> None:
    text, wanted = _written(plan)
    (folder / "p.yaml").write_text(text, encoding="utf-8")
    told: list[str] = []
    try:
        load_directory(folder)
    except ConfigurationError as error:
        told = [str(problem) for problem in error.problems]
        lines = Counter(problem.line for problem in error.problems)
    else:
        lines = Counter()
    assert lines == wanted, "\n".join([text, *told])


@pytest.mark.parametrize(
    "plan", [{}, *_ONE_BY_ONE], ids=lambda plan: " ".join(f"{p}.{k}={t}" for (p, k), t in plan.items())
)
def test_one_mistake_is_one_error(plan: Plan, tmp_path: Path) -> None:
    """Every mistake of the table, alone, is told once, at its line; and without any the document loads."""
    _assert_told(tmp_path, plan)


@settings(max_examples=400, deadline=None)
@given(st.fixed_dictionaries({}, optional={place: st.sampled_from(texts) for place, texts in _PLANTED.items()}))
def test_as_many_errors_as_mistakes(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    """However many are planted, at once and in one rule, just these are told, each at its own line."""
    folder = tmp_path_factory.getbasetemp() / "planted"  # nobody else's: all of it is read
    folder.mkdir(exist_ok=True)
    if _stands_together(plan):
        _assert_told(folder, plan)


@pytest.mark.parametrize("part", list(_TABLE))
def test_any_two_of_a_part(part: str, tmp_path: Path) -> None:
    """Every pair of mistakes of one part, each with the first text of its key and with the last."""
    keys = [key for where, key in _PLANTED if where == part]
    for pick in (0, -1):
        for one in keys:
            for other in keys[: keys.index(one)]:
                plan = {(part, key): _PLANTED[part, key][pick] for key in (one, other)}
                if _stands_together(plan):
                    _assert_told(tmp_path, plan)
