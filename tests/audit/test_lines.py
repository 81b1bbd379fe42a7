"""What the audit says: one line before AWS is called, one after each call, in the documented form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from emrgateway_server import cli
from emrgateway_server.policytool import decisionlog
from tests.server import canaries
from tests.server.faulty_aws import faulty_aws
from tests.server.gateways import ALLOW_ALL, CALLER
from tests.server.jobs import APPLICATION, ROLE, body, job, message
from tests.server.statuses import refused

from .audits import START, ask, audited, endings, judgements

if TYPE_CHECKING:
    from emrgateway_sandbox import Sandbox
    from tests.server.conftest import Serve

_SCHEMA = json.loads((Path(__file__).parents[2] / "deploy" / "audit.schema.json").read_text(encoding="utf-8"))
_POLICY = (
    ALLOW_ALL
    + """\
rules:
  - {id: timeout, field: execution_timeout_minutes, max: 720, otherwise: clamp}
  - {id: named, field: name, required: true}
  - {id: watched, field: tags.x, required: true, mode: audit}
exceptions:
  - {rules: [timeout], callers: ["spiffe://nobody/**"], until: 2999-12-31, reason: none, approved_by: cto@example.com}
"""
)


def _validated(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    validator = Draft202012Validator(_SCHEMA)
    for line in lines:
        validator.validate(line)
    return lines


def test_the_two_lines_of_a_submission(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """The judgement holds the request less what is sensitive, and every rule that spoke; the ending, the job run."""
    with_audit = audited(serve, sandbox.url, tmp_path, _POLICY)
    reply = with_audit.gateway.start(job(name="told", executionTimeoutMinutes=900, tags={"a": "b"}))
    judged, ended = _validated(with_audit.awaited(lambda lines: len(lines) == 2))
    assert judged["decision_id"] == ended["decision_id"]
    assert judged["path"] == ended["path"] == START
    request = judged["input"]["request"]
    assert judged["input"]["caller"] == {"id": CALLER, "labels": {}}
    assert (request["applicationId"], request["executionRoleArn"], request["name"]) == (APPLICATION, ROLE, "told")
    assert request["executionTimeoutMinutes"] == 900
    assert "clientToken" not in request
    assert request["jobDriver"] == {"sparkSubmit": {}}
    assert judged["erased"] == ["/input/request/jobDriver/sparkSubmit/entryPoint"]
    assert judged["result"]["verdict"] == "ALLOWED"
    assert judged["result"]["policy_digest"] == reply.decision.policy_digest
    changed, watched = judged["result"]["outcomes"]
    assert (changed["ruleId"], changed["verdict"]) == ("everything/timeout", "VERDICT_CHANGED")
    assert (changed["before"], changed["after"]) == ("900", "720")
    assert (watched["ruleId"], watched["verdict"], watched["mode"]) == ("everything/watched", "VERDICT_WARNED", "audit")
    assert ended["result"] == {"code": "OK"}
    assert ended["input"] == {
        "caller": {"id": CALLER},
        "application_id": APPLICATION,
        "job_run_id": reply.job_run_id,
    }
    assert ended["requested_by"].startswith("ipv4:127.0.0.1:")
    assert with_audit.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("method", ["CancelJobRun", "GetDashboardForJobRun"])
def test_the_two_lines_of_what_is_done_with_a_run(method: str, sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """Who was let do it, and by which policy, has a line of its own; a refusal has none; replay leaves both alone."""
    with_audit = audited(serve, sandbox.url, tmp_path)
    gateway = with_audit.gateway
    run = gateway.start(job()).job_run_id
    ask(gateway, method, run)
    refused(lambda: ask(gateway, method, "00nothing"))
    lines = _validated(with_audit.awaited(lambda lines: len(lines) == 5))
    allowed, ended = [line for line in lines if line["path"].endswith(method)][:2]
    assert allowed["decision_id"] == ended["decision_id"]
    assert allowed["input"] == {
        "caller": {"id": CALLER, "labels": {}},
        "request": {"applicationId": APPLICATION, "jobRunId": run},
    }
    assert allowed["erased"] == []
    digest = gateway.describe(APPLICATION).policy_digest
    assert allowed["result"] == {"verdict": "ALLOWED", "policy_digest": digest, "outcomes": []}
    assert ended["result"] == {"code": "OK"}
    assert (lines[-1]["path"].partition("/")[2], lines[-1]["result"]["reason"]) == (method, "NOT_FOUND")
    (judged,) = [found for _, found in decisionlog.read(with_audit.path) if isinstance(found, decisionlog.Line)]
    assert judged.path == START


def test_every_call_has_its_ending(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """Refusals, bad bytes, reads, repeats and dry runs: each is told once, with its reason."""
    with_audit = audited(serve, sandbox.url, tmp_path, _POLICY)
    gateway = with_audit.gateway
    request = job(name="twice")
    run = gateway.start(request).job_run_id
    assert gateway.start(request).job_run_id == run
    gateway.get(APPLICATION, run)
    gateway.describe(APPLICATION)
    gateway.start(job(name="dry", validate_only=True))
    for send in (
        lambda: gateway.start(job()),
        lambda: gateway.send(b"\xff"),
        lambda: gateway.get(APPLICATION, "00nothing"),
        lambda: gateway.start(message(body(name="other", clientToken=request.client_token))),
    ):
        refused(send)
    lines = _validated(with_audit.awaited(lambda lines: len(endings(lines)) == 9))
    told = [
        (line["path"].partition("/")[2], line["result"].get("reason"), line["result"].get("outcome"))
        for line in endings(lines)
    ]
    assert sorted(told, key=str) == sorted(
        [
            ("StartJobRun", None, None),
            ("StartJobRun", None, None),
            ("GetJobRun", None, None),
            ("DescribePolicy", None, None),
            ("StartJobRun", None, None),
            ("StartJobRun", "POLICY_VIOLATION", "not_started"),
            ("StartJobRun", "INVALID_REQUEST", "not_started"),
            ("GetJobRun", "NOT_FOUND", None),
            ("StartJobRun", "CLIENT_TOKEN_REUSED", "not_started"),
        ],
        key=str,
    )
    repeated = [line for line in endings(lines) if line["result"].get("recalled")]
    assert [line["input"]["job_run_id"] for line in repeated] == [run]
    assert len([line for line in lines if line.get("validate_only")]) == 2
    assert {line["result"]["verdict"] for line in judgements(lines)} == {"ALLOWED", "DENIED"}
    denied = next(line for line in endings(lines) if line["result"].get("reason") == "POLICY_VIOLATION")
    assert [each["rule"] for each in denied["result"]["violations"]] == ["everything/named"]


def test_failures_of_aws(serve: Serve, tmp_path: Path) -> None:
    """What AWS may have done stands in the ending: unknown, and by which code."""
    with faulty_aws() as aws:
        aws.faults["faulty"] = {"status": 500, "message": "oops"}
        with_audit = audited(serve, aws.url, tmp_path)
        refused(lambda: with_audit.gateway.start(job(applicationId="faulty")))
        (ended,) = endings(_validated(with_audit.awaited(lambda lines: len(lines) == 2)))
    assert ended["result"]["code"] == "UNAVAILABLE"
    assert (ended["result"]["reason"], ended["result"]["outcome"]) == ("UPSTREAM_UNKNOWN", "unknown")


def test_the_judgement_is_there_before_aws_is(serve: Serve, tmp_path: Path) -> None:
    """When AWS receives the call, the file holds the judgement: looked at while AWS has not answered."""
    with faulty_aws() as aws:
        aws.faults["slow"] = {"how": "hang", "seconds": 3}
        with_audit = audited(serve, aws.url, tmp_path, fsync="always")
        call = with_audit.gateway.jobs.StartJobRun.future(job(applicationId="slow"), timeout=2)
        with_audit.awaited(lambda lines: len(judgements(lines)) == 1)
        assert not call.done()
        call.cancel()


@pytest.mark.parametrize("job_of", [canaries.spark, canaries.hive])
def test_nothing_sensitive_stands_in_it(job_of: Any, sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:  # noqa: ANN401
    """Of a request with a sentinel in every sensitive place, the audit has the rest; the originals have them all."""
    with_audit = audited(serve, sandbox.url, tmp_path, requests="full")
    request = job_of()
    with_audit.gateway.start(message(request))
    with_audit.awaited(lambda lines: len(lines) == 2)
    assert canaries.CANARY not in with_audit.path.read_text(encoding="utf-8").lower()
    beside = tmp_path / "audit.jsonl.requests"
    (original,) = [json.loads(line) for line in beside.read_text(encoding="utf-8").splitlines()]
    assert original["request"] == request
    assert beside.stat().st_mode & 0o777 == 0o600


def test_standard_output_is_the_default(sandbox: Sandbox, serve: Serve) -> None:
    """Behind what tells where it listens come the lines, whole."""
    gateway = serve(sandbox.url)
    gateway.start(job())
    lines = [json.loads(line) for line in gateway.stop().stdout.splitlines() if line.startswith("{")]
    assert len(_validated(lines)) == 2


def test_replay_reads_what_a_gateway_wrote(
    sandbox: Sandbox, serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the originals nothing is left unjudged, and the same policy says today what it said then."""
    code = '  - {id: code, field: artifacts, allow: ["s3://release/**"]}\n'
    policy = _POLICY.replace("exceptions:", f"{code}exceptions:")
    with_audit = audited(serve, sandbox.url, tmp_path, policy, requests="full")
    with_audit.gateway.start(job(name="good", executionTimeoutMinutes=900))
    driver = {"sparkSubmit": {"entryPoint": "s3://elsewhere/app.py"}}
    refused(lambda: with_audit.gateway.start(job(name="bad", jobDriver=driver)))
    with_audit.awaited(lambda lines: len(lines) == 4)
    directory = tmp_path / "policy"
    directory.mkdir()
    (directory / "policy.yaml").write_text(policy, encoding="utf-8")
    assert cli.main(["policy", "replay", str(with_audit.path), "--policy", str(directory)]) == 0
    told = capsys.readouterr().out
    assert "not judgeable" not in told
    assert "2" in told
    (tmp_path / "audit.jsonl.requests").unlink()
    cli.main(["policy", "replay", str(with_audit.path), "--policy", str(directory)])
    assert "not judgeable" in capsys.readouterr().out
