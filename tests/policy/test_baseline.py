"""The baseline and the freeze of deploy/: they load, their own tests pass, and they teach."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.cli import main

DEPLOY = Path(__file__).parents[2] / "deploy"
BASELINE = DEPLOY / "policy"
FREEZE = DEPLOY / "policy-freeze" / "freeze.yaml"
DOCUMENTS = [
    document
    for file in sorted((*BASELINE.glob("*.yaml"), FREEZE))
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
]
RULES = [
    pytest.param(rule, id=f"{document['metadata']['name']}/{rule['id']}")
    for document in DOCUMENTS
    for rule in document.get("rules", ())
]
CASES = [case for document in DOCUMENTS if document["kind"] == "PolicyTest" for case in document["cases"]]
EXAMPLE = re.findall(
    r"<!-- tested: tests/policy -->\n```yaml\n(.*?)```", (BASELINE / "README.md").read_text(encoding="utf-8"), re.DOTALL
)


def test_the_baseline_has_neither_mistake_nor_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """`policy check --strict`, as an adopter's pipeline runs it, is content."""
    assert main(["policy", "check", "--strict", str(BASELINE)]) == 0
    said = capsys.readouterr()
    assert "0 warnings" in said.out
    assert not said.err


def test_the_baselines_tests_pass_and_try_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """`policy test --coverage`: every case passes, and each rule decides at least one."""
    code = main(["policy", "test", "--coverage", str(BASELINE)])
    said = capsys.readouterr().out
    assert code == 0, said
    passed, deciding, rules = re.findall(r"(\d+) passed; (\d+) of (\d+) rules", said)[0]
    assert int(passed) == len(CASES)
    assert deciding == rules


def test_the_cases_are_of_both_kinds() -> None:
    """Realistic requests are allowed, Spark's, Hive's and streaming ones; what should not be is refused."""
    verdicts = [case["want"]["verdict"] for case in CASES]
    assert verdicts.count("ALLOWED") >= 20
    assert verdicts.count("DENIED") >= 20
    allowed = [case["request"] for case in CASES if case["want"]["verdict"] == "ALLOWED"]
    assert any("hive" in request["jobDriver"] for request in allowed)
    assert any(request.get("mode") == "STREAMING" for request in allowed)
    assert any(
        "--jars" in request["jobDriver"].get("sparkSubmit", {}).get("sparkSubmitParameters", "") for request in allowed
    )


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_says_why(rule: dict[str, Any]) -> None:
    """Whoever is refused reads a sentence or more, that ends."""
    assert re.fullmatch(r"(?s)[A-Z].{20,}\.", rule["why"])


def test_the_freeze_stops_every_start_and_nothing_else(tmp_path: Path) -> None:
    """Beside the baseline it refuses all that the baseline allows, with its message; runs can be seen and cancelled."""
    shutil.copytree(BASELINE, tmp_path, dirs_exist_ok=True)
    shutil.copy(FREEZE, tmp_path)
    before, frozen = engines.load(BASELINE), engines.load(tmp_path)
    starts = [case for case in CASES if case["want"]["verdict"] == "ALLOWED" and "now" not in case]
    for case in starts:
        caller, request = Caller(**case["caller"]), {"clientToken": "token-1", **case["request"]}
        assert before.judge(caller, request, {}).allowed
        (violation,) = frozen.judge(caller, request, {}).violations
        assert violation.rule == "freeze/all-starts"
        assert "No jobs are started for now" in violation.description
        for action in ("get", "list", "cancel", "watch"):
            assert frozen.may_touch(action, caller, request["applicationId"], caller)


def test_the_example_of_the_page_passes_its_own_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The README's one whole example, put into a directory, is checked and tested by the commands."""
    (example,) = EXAMPLE
    (tmp_path / "example.yaml").write_text(example, encoding="utf-8")
    assert main(["policy", "check", str(tmp_path)]) == 0, capsys.readouterr().err
    assert main(["policy", "test", str(tmp_path)]) == 0, capsys.readouterr().out
