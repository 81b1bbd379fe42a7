"""DescribePolicy: what a caller is told of the policy that its submissions are judged by."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from google.protobuf import text_format

from emrgateway.v1 import policy_service_pb2 as pb
from emrgateway_client import AsyncClient, Client, InvalidRequest

from .faulty_aws import faulty_aws
from .gateways import CALLER, PATIENCE_SECONDS
from .jobs import APPLICATION, job
from .otlp import attributes, collecting
from .statuses import refused
from .wire import block, number

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_POLICY = f"""\
apiVersion: emrgateway/v1
kind: Policy
metadata: {{name: data-eng}}
match: {{labels: {{team: [data-eng]}}}}
grants:
  - actions: [start, get]
    applications: [{APPLICATION}]
    roles: ["arn:aws:iam::123456789012:role/emr/${{caller.labels.team}}/*"]
    runs: label:team
rules:
  - {{id: timeout, field: execution_timeout_minutes, default: 120, min: 5, max: 720, otherwise: clamp}}
  - {{id: team, field: tags.team, set: "${{caller.labels.team}}", why: Costs go to the team.}}
  - {{id: note, field: tags.note, default: "", mode: warn}}
  - {{id: attempts, field: retry_policy.max_attempts, max: 0}}
  - {{id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://release/**"], deny: ["s3://release/x"]}}
  - {{id: owner, field: tags.owner, required: true, pattern: "[a-z]+", fixed: "${{caller.labels.owner}}"}}
  - {{id: narrow, field: execution_iam_policy, forbidden: true, match: {{applications: ["**"]}}}}
  - {{id: seen, field: name, required: true, mode: audit}}
  - {{id: approved, when: "request.mode == JobRunMode.JOB_RUN_MODE_STREAMING", check: "'approved' in request.tags"}}
  - {{id: release, field: tags.release, required: true}}
exceptions:
  - {{rules: [release], callers: ["**"], until: 9999-12-31, reason: PLAT-1, approved_by: cto@example.com}}
---
apiVersion: emrgateway/v1
kind: Policy
metadata: {{name: elsewhere}}
match: {{applications: [00elsewhere]}}
grants:
  - {{actions: [list], applications: ["**"]}}
rules:
  - {{id: name, field: name, required: true}}
"""
_CALLER = f'caller {{ id: "{CALLER}" labels {{ key: "team" value: "data-eng" }} }}'
_HERE = f"""
grants {{
  actions: "start" actions: "get"
  applications: "{APPLICATION}"
  roles: "arn:aws:iam::123456789012:role/emr/data-eng/*"
  runs: "label:team"
}}
rules {{
  id: "data-eng/timeout" field: "execution_timeout_minutes" mode: RULE_MODE_ENFORCE
  default: "120" min: 5 max: 720 otherwise: OTHERWISE_CLAMP
}}
rules {{
  id: "data-eng/team" field: "tags.team" mode: RULE_MODE_ENFORCE why: "Costs go to the team."
  set: "data-eng"
}}
rules {{ id: "data-eng/note" field: "tags.note" mode: RULE_MODE_WARN default: "" }}
rules {{
  id: "data-eng/attempts" field: "retry_policy.max_attempts" mode: RULE_MODE_ENFORCE
  max: 0 otherwise: OTHERWISE_DENY
}}
rules {{
  id: "data-eng/code" field: "job_driver.spark_submit.entry_point" mode: RULE_MODE_ENFORCE
  allow: "s3://release/**" deny: "s3://release/x"
}}
rules {{
  id: "data-eng/owner" field: "tags.owner" mode: RULE_MODE_ENFORCE
  required: true pattern: "[a-z]+" fixed: "${{caller.labels.owner}}" missing_labels: "owner"
}}
rules {{
  id: "data-eng/narrow" field: "execution_iam_policy" mode: RULE_MODE_ENFORCE
  forbidden: true application_matches {{ values: "**" }}
}}
rules {{
  id: "data-eng/approved" field: "request" mode: RULE_MODE_ENFORCE
  when: "request.mode == JobRunMode.JOB_RUN_MODE_STREAMING" check: "'approved' in request.tags"
}}
exceptions {{ rules: "data-eng/release" until: "9999-12-31" reason: "PLAT-1" approved_by: "cto@example.com" }}
"""
_ELSEWHERE = """
grants {
  actions: "list" applications: "**" runs: "own"
  application_matches { values: "00elsewhere" }
}
rules {
  id: "elsewhere/name" field: "name" mode: RULE_MODE_ENFORCE
  required: true application_matches { values: "00elsewhere" }
}
"""
_LABELS = [{"match": "spiffe://local/ns/data-eng/**", "labels": {"team": "data-eng"}}]


def _described(digest: str, *parts: str) -> pb.DescribePolicyResponse:
    return text_format.Parse("\n".join((f'policy_digest: "{digest}"', *parts)), pb.DescribePolicyResponse())


def test_what_a_caller_is_told(sandbox: Sandbox, serve: Serve) -> None:
    """Of one application, of another, of any: the grants and rules that speak to the caller, rendered, in order."""
    gateway = serve(sandbox.url, _POLICY, sections={"callers": _LABELS})
    digest = gateway.start(job(validate_only=True)).decision.policy_digest
    assert gateway.describe(APPLICATION) == _described(digest, _CALLER, _HERE)
    assert gateway.describe("00nothing") == _described(digest, _CALLER, *_only_rules(_HERE))
    assert gateway.describe() == _described(digest, _CALLER, _HERE, _ELSEWHERE)
    with Client(gateway.target) as client:
        assert client.describe_policy() == gateway.describe()
        assert client.describe_policy(APPLICATION) == gateway.describe(APPLICATION)
        with pytest.raises(InvalidRequest):
            client.describe_policy("A")

    async def _asked() -> pb.DescribePolicyResponse:
        async with AsyncClient(gateway.target) as client:
            return await client.describe_policy(APPLICATION)

    assert asyncio.run(_asked()) == gateway.describe(APPLICATION)


def _only_rules(description: str) -> list[str]:
    parsed = _described("", description)
    del parsed.grants[:]
    return [text_format.MessageToString(parsed)]


def test_no_grant_is_needed(sandbox: Sandbox, serve: Serve) -> None:
    """To whom policy says nothing, that is the answer."""
    gateway = serve(sandbox.url, {})
    told = gateway.describe()
    assert told.policy_digest.startswith("sha256:")
    assert told == _described(told.policy_digest, f'caller {{ id: "{CALLER}" }}')


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"\xff", "request"),
        (b"x" * 600_000, "request"),
        (block(1, APPLICATION) * 2, "application_id"),
        (number(7, 1), "request"),
        (block(1, "A"), "application_id"),
        (block(1, "x" * 65), "application_id"),
        (block(1, "00f\n"), "application_id"),
        (block(1, b"\xff"), "request"),
    ],
    ids=["no message", "too large", "twice", "unknown field", "capital", "too long", "control", "no UTF-8"],
)
def test_a_request_that_is_not_valid(data: bytes, field: str, open_gateway: Gateway) -> None:
    """The rules of bytes are those of every method, and an application's id is AWS's."""
    told = refused(lambda: open_gateway.send(data, "DescribePolicy", "PolicyService"))
    assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", [field])
    assert told.outcome is None


def test_it_takes_a_place(serve: Serve) -> None:
    """It is a call as any other: none is free, and it is told to come later; its deadline is kept."""
    with faulty_aws() as aws:
        aws.faults["slow"] = {"how": "hang"}
        gateway = serve(aws.url, sections={"limits": {"max_in_flight": 1, "drain_pause_seconds": 0}})
        with ThreadPoolExecutor(1) as callers:
            held = callers.submit(gateway.start, job(applicationId="slow"))
            assert aws.arrived.acquire(timeout=PATIENCE_SECONDS)
            told = refused(gateway.describe)
            assert (told.code, told.reason, told.outcome) == ("RESOURCE_EXHAUSTED", "THROTTLED", None)
            aws.released.set()
            assert held.result(PATIENCE_SECONDS).job_run_id
        assert gateway.describe().grants
        assert refused(lambda: gateway.describe(timeout=0.05)).code == "DEADLINE_EXCEEDED"


def test_it_is_traced(sandbox: Sandbox, serve: Serve) -> None:
    """Its SERVER span names the method and the caller."""
    with collecting() as collector:
        gateway = serve(sandbox.url, environment=collector.environment)
        gateway.describe()
        gateway.stop()
        span = collector.named("emrgateway.v1.PolicyService/DescribePolicy")
    assert attributes(span)["emrgateway.caller"] == CALLER
