"""What IAM makes of deploy/aws, by a simulator of IAM: `make iam` sets it up and runs these."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import deployed

HERE = Path(__file__).parent
ROLE = f"arn:aws:iam::{deployed.ACCOUNT}:role/"
NAMES = {
    "{application}": deployed.APPLICATION,
    "{boundary}": f"arn:aws:iam::{deployed.ACCOUNT}:policy/emr-gateway/boundary",
    "{role}": ROLE,
    "{table}": deployed.TABLE,
}
ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
ANSWERS = {"Allowed": "allowed", "ExplicitlyDenied": "denied", "ImplicitlyDenied": "denied"}
TEMPLATES = {role: template for template, role in deployed.ROLES.items()}

pytestmark = pytest.mark.skipif(
    not (HERE / "node_modules" / ".installed").exists(), reason="make iam sets the simulator up"
)


@pytest.mark.parametrize("door", ["scp", "boundary"])
def test_each_request_gets_the_answer_that_the_table_says(door: str) -> None:
    """All but the gateway are stopped at what starts jobs, and at nothing else; the gateway is let do its work."""
    cases = _cases("cases.yaml")
    found = _simulated([_request(case, door) for case in cases])
    wanted = [case["want"] if isinstance(case["want"], str) else case["want"][door] for case in cases]
    assert _told(cases, found) == _told(cases, wanted)


def test_the_door_is_what_denies() -> None:
    """Without it, an admin could do all that the table denies to one."""
    cases = [case for case in _cases("cases.yaml") if case["who"] == "admin"]
    found = _simulated([_request(case, "none") for case in cases])
    assert _told(cases, found) == _told(cases, ["allowed"] * len(cases))


def test_each_role_is_taken_by_those_it_trusts_alone() -> None:
    """The trust policies let in who the table says."""
    cases = _cases("trust.yaml")
    found = _simulated([_assumption(case) for case in cases])
    assert _told(cases, found) == _told(cases, [case["want"] for case in cases])


def _cases(file: str) -> list[dict[str, Any]]:
    text = (HERE / file).read_text(encoding="utf-8")
    for name, value in NAMES.items():
        text = text.replace(name, value)
    return list(yaml.safe_load(text))


def _told(cases: list[dict[str, Any]], answers: list[str]) -> dict[str, str]:
    return {case["description"]: answer for case, answer in zip(cases, answers, strict=True)}


def _request(case: Mapping[str, Any], door: str) -> dict[str, Any]:
    who = case["who"]
    policy = ALL if who in ("admin", "deployer") else deployed.role(TEMPLATES[who])[0]
    path = "" if who == "admin" else "emr-gateway/"
    simulation = _simulation(case, case.get("principal", f"{ROLE}{path}{who}"), case["action"], policy)
    levels = [ALL, deployed.scp()] if door == "scp" else [ALL]
    simulation["serviceControlPolicies"] = [{"orgIdentifier": "r-root", "policies": _named(levels)}]
    # Whom the door exempts has no boundary on: it is the rest of the account that has.
    if door == "boundary" and who != "deployer":
        simulation["permissionBoundaryPolicies"] = _named([deployed.boundary()])
    return simulation


def _assumption(case: Mapping[str, Any]) -> dict[str, Any]:
    _, trust = deployed.role(case["template"])
    resource = f"{ROLE}emr-gateway/{deployed.ROLES[case['template']]}"
    simulation = _simulation({"resource": resource, **case}, case["principal"], "sts:AssumeRole", ALL)
    return {**simulation, "serviceControlPolicies": [], "resourcePolicy": trust}


def _simulation(case: Mapping[str, Any], principal: str, action: str, policy: object) -> dict[str, Any]:
    return {
        "request": {
            "principal": principal,
            "action": action,
            "resource": {"resource": case.get("resource", deployed.APPLICATION), "accountId": deployed.ACCOUNT},
            "contextVariables": {"aws:PrincipalArn": principal, **case.get("context", {})},
        },
        "identityPolicies": _named([policy]) if principal.startswith("arn:") else [],
        "resourceControlPolicies": [],
    }


def _named(policies: list[Any]) -> list[dict[str, Any]]:
    return [{"name": f"policy-{number}", "policy": policy} for number, policy in enumerate(policies)]


def _simulated(simulations: list[dict[str, Any]]) -> list[str]:
    node = os.environ.get("NODE") or shutil.which("node")
    assert node, "make iam says where node is"
    ran = subprocess.run(
        [node, HERE / "simulate.mjs"],
        input=json.dumps(simulations),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=HERE,
    )
    assert ran.returncode == 0, ran.stderr
    return [ANSWERS.get(verdict, verdict) for verdict in json.loads(ran.stdout)]
