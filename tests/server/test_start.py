"""A job goes through: what reaches AWS, what is stamped on it, and what the caller is told."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway.v1 import decision_pb2, job_run_service_pb2
from emrgateway_client import Client

from . import traceparents
from .gateways import ACCOUNT, CALLER, REGION
from .jobs import APPLICATION, ROLE, body, cases, job, message, named
from .statuses import refused

if TYPE_CHECKING:
    from emrgateway_sandbox import JobRunRecord, Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_STAMPED = {"emr-gateway:caller", "emr-gateway:submission", "emr-gateway:intent"}
_POLICY = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: data-eng}
grants:
  - actions: [start, get]
    applications: ["00f1qr8s3v6pd409"]
    roles: ["arn:aws:iam::123456789012:role/emr/data-eng/*"]
rules:
  - {id: timeout, field: execution_timeout_minutes, default: 120, max: 720, otherwise: clamp, why: Ask streaming.}
  - {id: team-tag, field: tags.team, set: "${caller.labels.team}"}
  - {id: cost-center, field: tags.cost-center, required: true, pattern: "CC-[0-9]{4}"}
  - {id: named, field: name, required: true, mode: warn}
  - {id: silent, field: name, required: true, mode: audit}
  - {id: code, field: job_driver.spark_submit.entry_point, allow: ["s3://release/**"]}
"""
_LABELS = [{"match": "spiffe://local/ns/data-eng/**", "labels": {"team": "data-eng"}}]


def _digest(*parts: str) -> str:
    """SHA-256 over length-prefixed parts: eight bytes of length, big-endian, then the part in UTF-8."""
    encoded = [part.encode() for part in parts]
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in encoded)).hexdigest()


def _upstream_token(client_token: str, application: str = APPLICATION) -> str:
    return _digest("submission", CALLER, ACCOUNT, REGION, application, client_token)


def _intent(request: dict[str, Any]) -> str:
    asked = {key: value for key, value in request.items() if key != "clientToken"}
    return _digest("intent", request["clientToken"], json.dumps(asked, sort_keys=True, separators=(",", ":")))


def _held(sandbox: Sandbox, job_run_id: str) -> JobRunRecord:
    return next(run for run in sandbox.job_runs() if run.job_run_id == job_run_id)


@pytest.fixture
def judging(sandbox: Sandbox, serve: Serve) -> Gateway:
    """A gateway whose policy amends, warns and refuses."""
    return serve(sandbox.url, _POLICY, sections={"callers": _LABELS})


@pytest.mark.parametrize("case", cases("forwarded.yaml"), ids=named)
def test_what_the_caller_said_is_what_aws_gets(case: dict[str, Any], sandbox: Sandbox, open_gateway: Gateway) -> None:
    """The body is equal as JSON, but for the token, three tags and the place in a trace: digests, all of them.

    Anyone can recompute them.
    """
    request = body(**case.get("members", {}))
    reply = open_gateway.start(message(request))
    held = _held(sandbox, reply.job_run_id)
    sent = traceparents.without(held.body, request)
    token, tags = sent.pop("clientToken"), sent.pop("tags")
    assert token == _upstream_token(request["clientToken"])
    assert {key: tags[key] for key in _STAMPED} == {
        "emr-gateway:caller": CALLER,
        "emr-gateway:submission": token,
        "emr-gateway:intent": _intent(request),
    }
    caller_tags = {key: value for key, value in tags.items() if key not in _STAMPED}
    asked = {key: value for key, value in request.items() if key not in ("applicationId", "clientToken", "tags")}
    assert (sent, caller_tags) == (asked, request.get("tags", {}))
    assert (held.application_id, held.start_calls) == (request["applicationId"], 1)
    assert (reply.application_id, reply.arn.rpartition("/")[2]) == (held.application_id, held.job_run_id)
    assert not reply.HasField("effective_request")
    assert not reply.decision.outcomes


def test_the_client_submits(sandbox: Sandbox, open_gateway: Gateway) -> None:
    """The Python client against the real gateway: it fills the token, and reads the run back."""
    request = job(name="by-client")
    request.ClearField("client_token")
    with Client(open_gateway.target) as client:
        started = client.start_job_run(request)
        run = client.get_job_run(APPLICATION, started.job_run_id).job_run
    assert (run.job_run_id, run.name, run.arn) == (started.job_run_id, "by-client", started.arn)
    assert _held(sandbox, started.job_run_id).body["name"] == "by-client"


def test_the_decision_says_what_was_changed_by_which_rule(sandbox: Sandbox, judging: Gateway) -> None:
    """Each amendment with rule, field, before and after, a warning beside them; audit mode stays silent."""
    reply = judging.start(job(executionTimeoutMinutes=900, tags={"team": "other", "cost-center": "CC-0001"}))
    told = [(item.rule_id, item.verdict, item.field, item.before, item.after) for item in reply.decision.outcomes]
    changed, warned = decision_pb2.VERDICT_CHANGED, decision_pb2.VERDICT_WARNED
    assert told == [
        ("data-eng/team-tag", changed, "tags.team", "other", "data-eng"),
        ("data-eng/timeout", changed, "execution_timeout_minutes", "900", "720"),
        ("data-eng/named", warned, "name", "", ""),
    ]
    assert "Ask streaming." in reply.decision.outcomes[1].message
    assert reply.decision.policy_digest.startswith("sha256:")
    held = _held(sandbox, reply.job_run_id).body
    assert (held["executionTimeoutMinutes"], held["tags"]["team"]) == (720, "data-eng")


def test_validate_only_shows_what_would_be_sent_and_starts_nothing(sandbox: Sandbox, judging: Gateway) -> None:
    """The effective request of a dry run is what AWS gets from the same submission after it."""
    request = body(tags={"cost-center": "CC-0001"})
    before = len(sandbox.job_runs())
    dry = judging.start(message(request, validate_only=True))
    assert len(sandbox.job_runs()) == before
    assert (dry.job_run_id, dry.arn, dry.application_id) == ("", "", APPLICATION)
    wet = judging.start(message(request))
    sent = {**_held(sandbox, wet.job_run_id).body, "applicationId": APPLICATION, "clientToken": request["clientToken"]}
    effective = job_run_service_pb2.StartJobRunRequest()
    effective.CopyFrom(dry.effective_request)
    effective.client_token = request["clientToken"]
    assert effective == message(sent)
    assert dry.decision == wet.decision


def test_validate_only_reports_denials_with_status_ok(sandbox: Sandbox, judging: Gateway) -> None:
    """Asking what policy makes of a request is no failure: every violation is an outcome."""
    before = len(sandbox.job_runs())
    dry = judging.start(job(executionRoleArn="arn:aws:iam::123456789012:role/admin", validate_only=True))
    denied = [item.rule_id for item in dry.decision.outcomes if item.verdict == decision_pb2.VERDICT_DENIED]
    assert denied == ["grant/role", "data-eng/cost-center"]
    assert dry.effective_request.execution_timeout_minutes == 120
    assert len(sandbox.job_runs()) == before


def test_a_refusal_names_every_rule_and_nothing_reaches_aws(sandbox: Sandbox, judging: Gateway) -> None:
    """PERMISSION_DENIED: all violations at once, by rule and field; the digest, the outcome and their number."""
    before = len(sandbox.job_runs())
    request = job(
        executionRoleArn="arn:aws:iam::123456789012:role/admin",
        jobDriver={"sparkSubmit": {"entryPoint": "s3://elsewhere/app.py"}},
        tags={"cost-center": "none", "EMR-Gateway:caller": "someone", "Team": "x"},
    )
    told = refused(lambda: judging.start(request))
    assert (told.code, told.reason, told.outcome) == ("PERMISSION_DENIED", "POLICY_VIOLATION", "not_started")
    assert told.denials == [
        ("builtin/tags", "tags.EMR-Gateway:caller"),
        ("builtin/tags", "tags.Team"),
        ("grant/role", "execution_role_arn"),
        ("data-eng/cost-center", "tags.cost-center"),
        ("data-eng/code", "job_driver.spark_submit.entry_point"),
    ]
    assert told.metadata["violations"] == "5"
    assert told.metadata["omitted"] == "0"
    assert told.metadata["policy_digest"] == judging.start(job(validate_only=True)).decision.policy_digest
    descriptions = [item.description for item in told.details["PreconditionFailure"].violations]
    assert "arn:aws:iam::123456789012:role/emr/data-eng/*" in descriptions[2]
    assert "CC-[0-9]{4}" in descriptions[3]
    assert "s3://release/**" in descriptions[4]
    assert "elsewhere" not in descriptions[4]  # an entry point is sensitive
    assert len(sandbox.job_runs()) == before


def test_no_grant_for_the_application(sandbox: Sandbox, judging: Gateway) -> None:
    """Without a grant, no start: named as the grant, and the role is not argued about."""
    before = len(sandbox.job_runs())
    told = refused(lambda: judging.start(job(applicationId="00other", tags={"cost-center": "CC-0001"})))
    assert told.denials == [("grant/application", "application_id")]
    assert len(sandbox.job_runs()) == before


def test_more_violations_than_fit_are_counted(sandbox: Sandbox, serve: Serve) -> None:
    """The status stays within its bound; metadata tells how many there are and were left out; a dry run shows all."""
    rules = "".join(
        f"  - {{id: tag-{number}, field: tags.t{number}, required: true, why: {'because ' * 20}}}\n"
        for number in range(60)
    )
    gateway = serve(sandbox.url, {"rules.yaml": _POLICY + rules})
    request = body(tags={"cost-center": "CC-0001"})
    told = refused(lambda: gateway.start(message(request)))
    total, omitted = int(told.metadata["violations"]), int(told.metadata["omitted"])
    dry = gateway.start(message(request, validate_only=True))
    denied = [item.rule_id for item in dry.decision.outcomes if item.verdict == decision_pb2.VERDICT_DENIED]
    assert total == len(denied) == 61  # the sixty, and the label that this caller lacks
    assert 0 < omitted < total
    assert [rule for rule, _ in told.denials] == denied[: total - omitted]


def test_an_application_that_no_target_serves(sandbox: Sandbox, serve: Serve) -> None:
    """FAILED_PRECONDITION NO_TARGET, after the grant: who has none is refused by policy all the same."""
    target = {
        "name": "some",
        "account": ACCOUNT,
        "region": REGION,
        "endpoint_url": sandbox.url,
        "applications": ["00f*"],
    }
    gateway = serve(sandbox.url, sections={"targets": [target]})
    told = refused(lambda: gateway.start(job(applicationId="00a")))
    assert (told.code, told.reason, told.outcome) == ("FAILED_PRECONDITION", "NO_TARGET", "not_started")
    assert refused(lambda: gateway.start(job(applicationId="00a", validate_only=True))).reason == "NO_TARGET"
    assert refused(lambda: gateway.get("00a", "r")).reason == "NO_TARGET"
    assert gateway.start(job(executionRoleArn=ROLE)).job_run_id
