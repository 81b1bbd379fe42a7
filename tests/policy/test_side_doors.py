"""The baseline policy against the ways past a policy that are known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from emrgateway_server import engines
from emrgateway_server.caller import Caller
from emrgateway_server.policy import Decision, Verdict

from .support import CALLER, LABELS, STAMPS

BASELINE = Path(__file__).parents[2] / "deploy" / "policy"
DOORS = yaml.safe_load(Path(__file__).with_name("side_doors.yaml").read_text(encoding="utf-8"))
ENTRY = "s3://release-artifacts/data-eng/main.py"
ENGINE = engines.load(BASELINE)


@pytest.mark.parametrize("door", [pytest.param(door, id=door["door"]) for door in DOORS])
def test_the_door_is_shut_and_its_twin_is_open(door: dict[str, Any]) -> None:
    """The evil request is refused by the rules named and by no other; the harmless one, which looks like it, is not."""
    evil, harmless = _judged(door["evil"]), _judged(door["harmless"])
    assert _denying(evil) == door["denied_by"], evil.violations
    assert _denying(harmless) == [], harmless.violations


@pytest.mark.parametrize("door", [pytest.param(door, id=door["door"]) for door in DOORS])
def test_a_refusal_tells_what_to_do_and_nothing_secret(door: dict[str, Any]) -> None:
    """Each violation by a rule of the baseline ends with a `why`, and none repeats a sensitive value."""
    for violation in _judged(door["evil"]).violations:
        if not violation.rule.startswith(("builtin/", "grant/")):
            assert violation.description.rstrip().endswith("."), violation
        for secret in ("evil", "com.example", "AKIA", "Admin"):
            told = violation.description
            assert secret not in told or violation.field in _PLAIN, violation


_PLAIN = {"application_id", "execution_role_arn", "destinations", "roles", "kms_keys"}  # not sensitive everywhere


def _denying(decision: Decision) -> list[str]:
    return sorted({outcome.rule_id for outcome in decision.outcomes if outcome.verdict is Verdict.DENIED})


def _judged(changes: Mapping[str, Any]) -> Decision:
    return ENGINE.judge(Caller(CALLER, LABELS), _request(dict(changes)), STAMPS)


def _request(changes: dict[str, Any]) -> dict[str, Any]:
    """The plainest request that the baseline allows, with changes; the table's header explains their short names."""
    spark = {"entryPoint": changes.pop("entry", ENTRY)}
    for name, member in (("parameters", "sparkSubmitParameters"), ("arguments", "entryPointArguments")):
        spark |= {member: changes.pop(name)} if name in changes else {}
    overrides: dict[str, Any] = {}
    if "defaults" in changes:
        block = {"classification": "spark-defaults", "properties": changes.pop("defaults")}
        overrides["applicationConfiguration"] = [block]
    if "logs" in changes:
        overrides["monitoringConfiguration"] = changes.pop("logs")
    hive = changes.pop("hive", None)
    return {
        "applicationId": "00f1qr8s3v6pd409",
        "clientToken": "token-1",
        "name": "daily-orders",
        "executionRoleArn": "arn:aws:iam::123456789012:role/emr/data-eng/etl",
        "jobDriver": {"hive": hive} if hive else {"sparkSubmit": spark},
        "tags": {"cost-center": "CC-1042"},
        **({"configurationOverrides": overrides} if overrides else {}),
        **changes,
    }
