"""Which rules can be judged on a request of which parts were erased."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.policytool import partial

from .support import REQUEST, Command, policy, write

_CASES = yaml.safe_load(Path(__file__).with_name("partial.yaml").read_text(encoding="utf-8"))
_CALLER = Caller("x", {})


def _directory(folder: Path, rules: dict[str, Any]) -> Path:
    said = [{"id": name, **rule} for name, rule in rules.items()]
    return write(folder / "p", p=policy(f"rules: {json.dumps(said)}\n"))


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["description"])
def test_not_judgeable(case: dict[str, Any], tmp_path: Path) -> None:
    """Exactly the rules that a case says, whichever way they read what is missing."""
    policies = engines.load(_directory(tmp_path, case["rules"])).policies
    erased = [f"/input/request/{pointer}" for pointer in case["erased"]]
    found = partial.not_judgeable(policies, _CALLER, REQUEST, erased, None)
    assert sorted(found) == [f"p/{name}" for name in case["want"]]


def test_a_role_that_may_be_another_leaves_the_grant_unknown(command: Command, tmp_path: Path) -> None:
    """Where a rule that cannot be judged may set the role, what the grants say of the role is no refusal."""
    rule = {
        "field": "execution_role_arn",
        "set": "arn:aws:iam::123456789012:role/other",
        "when": "request.job_driver.spark_submit.entry_point == 'x'",
    }
    grants = 'grants: [{actions: [start], applications: ["**"], roles: ["arn:aws:iam::123456789012:role/other"]}]\n'
    folder = write(tmp_path / "p", p=policy(f"{grants}rules: {json.dumps([{'id': 'role', **rule}])}\n"))
    line = {
        "decision_id": "d",
        "path": "emrgateway.v1.JobRunService/StartJobRun",
        "input": {"caller": {"id": "x"}, "request": {**REQUEST, "jobDriver": {"sparkSubmit": {}}}},
        "erased": ["/input/request/jobDriver/sparkSubmit/entryPoint"],
        "result": {"verdict": "ALLOWED"},
    }
    audit = tmp_path / "audit.jsonl"
    audit.write_text(json.dumps(line), encoding="utf-8")
    told = command("replay", audit, "--policy", folder, "-o", "json").json
    assert (told["would_be_denied"]["total"], told["not_judgeable"]["total"]) == (0, 1)
