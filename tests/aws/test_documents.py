"""The documents of deploy/aws are well formed, within AWS's limits, and say one thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint

from . import deployed

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html and IAM's own quotas.
MAX_SCP_CHARACTERS = 5_120
MAX_MANAGED_POLICY_CHARACTERS = 6_144


@pytest.mark.parametrize("file", sorted(deployed.FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_templates_are_well_formed(file: Path) -> None:
    """cfn-lint finds nothing in a template: neither an unknown action, condition or property, nor a bad type."""
    assert _lint(file.read_text(encoding="utf-8")) == []


def test_the_scp_is_well_formed() -> None:
    """As a managed policy, which cfn-lint knows better than service control policies, it has no mistake."""
    assert _lint(_template(deployed.scp())) == []


@pytest.mark.parametrize("mistake", ["emr-serverless:StartJobRuns", "iam:PassRoles"])
def test_the_linter_sees_an_action_that_is_none(mistake: str) -> None:
    """A misspelled action, which would deny nothing, does not pass."""
    policy = json.loads(json.dumps(deployed.scp()))
    policy["Statement"][0]["Action"].append(mistake)
    assert any(mistake.partition(":")[2].lower() in said for said in _lint(_template(policy)))


def test_the_documents_fit() -> None:
    """Neither policy is longer than AWS takes it."""
    assert _length(deployed.scp()) <= MAX_SCP_CHARACTERS
    assert _length(deployed.boundary()) <= MAX_MANAGED_POLICY_CHARACTERS


def test_the_boundary_denies_what_the_scp_denies() -> None:
    """Statement by statement: the boundary's account stands where the SCP says any."""
    denials = {each["Sid"]: each for each in deployed.boundary()["Statement"] if each["Effect"] == "Deny"}
    for statement in deployed.scp()["Statement"]:
        here = json.loads(json.dumps(statement).replace("iam::*:", f"iam::{deployed.ACCOUNT}:"))
        assert denials[statement["Sid"]] == here


def test_the_readme_says_what_each_statement_is_for() -> None:
    """Each statement of the SCP and of the boundary has its line in the README, and no line is of a statement gone."""
    readme = (deployed.FOLDER / "README.md").read_text(encoding="utf-8")
    told = {line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")}
    said = {each["Sid"] for each in (*deployed.scp()["Statement"], *deployed.boundary()["Statement"])}
    said |= {each["Sid"] for template in deployed.ROLES for each in deployed.role(template)[0]["Statement"]}
    assert told == said


def test_each_statement_says_its_actions_by_name() -> None:
    """No role of ours is allowed an action by a wildcard, and none is allowed everything."""
    for template in deployed.ROLES:
        for statement in deployed.role(template)[0]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            assert not any("*" in action for action in actions)
            assert statement["Resource"] != "*"


def _template(policy: Any) -> str:  # noqa: ANN401 - a policy document
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
    return json.dumps({"Resources": {"Policy": resource}})


def _lint(template: str) -> list[str]:
    return [str(match) for match in lint(template)]


def _length(policy: Any) -> int:  # noqa: ANN401 - a policy document
    return len(json.dumps(policy, separators=(",", ":")))
