"""The examples of deploy/policy/README.md do what the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server.caller import Caller
from emrgateway_server.globs import Glob
from emrgateway_server.policy import derived
from emrgateway_server.policy.document import Rule

from .support import CALLER, GRANT_ALL, LABELS, REQUEST, document, engine, value_at

FOLDER = Path(__file__).parents[2] / "deploy" / "policy"
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")


def _rows(*heads: str) -> Iterator[list[str]]:
    """The rows of every table with these heads."""
    wanted = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("|"):
            wanted = False
        elif cells == list(heads):
            wanted = True
        elif wanted and not cells[0].startswith("---"):
            yield cells


RULES = list(_rows("rule", "asked", "outcome"))
GLOBS = list(_rows("glob", "matches", "does not match"))


@pytest.mark.parametrize(("rule", "asked", "outcome"), RULES, ids=[f"{rule} on {asked}" for rule, asked, _ in RULES])
def test_each_rule_does_what_its_row_says(rule: str, asked: str, outcome: str, tmp_path: Path) -> None:
    """Denied by that rule; or allowed, and the field is what stands in the row."""
    said: dict[str, Any] = {"id": "example", **yaml.safe_load(rule.strip("`"))}
    request = {**REQUEST, **yaml.safe_load(asked.strip("`"))}
    policy = engine(tmp_path, [document(grants=[GRANT_ALL], rules=[said])])
    decision = policy.judge(Caller(CALLER, LABELS), request, {})
    assert [violation.rule for violation in decision.violations] == (["p/example"] if outcome == "denied" else [])
    if outcome.startswith("`"):
        assert str(value_at(decision.request, said["field"])) == outcome.strip("`")


@pytest.mark.parametrize(("glob", "matching", "other"), GLOBS, ids=[row[0] for row in GLOBS])
def test_each_glob_matches_what_its_row_says(glob: str, matching: str, other: str) -> None:
    """All that stands in the second column, and nothing of the third."""
    compiled, caller = Glob(glob.strip("`")), Caller(CALLER, LABELS)
    assert [value for value in re.findall("`(.*?)`", matching) if not compiled.matches(value, caller)] == []
    assert [value for value in re.findall("`(.*?)`", other) if compiled.matches(value, caller)] == []


def test_every_verb_and_field_has_an_example() -> None:
    """No verb of a rule is without a row or a place in the example; no derived field is unnamed."""
    examples = " ".join(row[0] for row in RULES) + "".join(_blocks())
    assert [verb for verb in Rule.model_fields if not re.search(rf"\b{verb}:", examples)] == []
    assert [name for name in derived.NAMES if f"`{name}`" not in PAGE] == []


def test_every_file_of_the_baseline_is_named() -> None:
    """The table of the baseline's files has them all."""
    files = {path.name for path in FOLDER.glob("*.yaml") if not path.name.endswith(".tests.yaml")}
    assert set(re.findall(r"^\| \[`([a-z]+\.yaml)`\]", PAGE, re.MULTILINE)) == files


def _blocks() -> list[str]:
    return re.findall(r"<!-- tested: tests/policy -->\n```yaml\n(.*?)```", PAGE, re.DOTALL)
