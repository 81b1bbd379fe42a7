"""Statuses → exceptions, over a real channel."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2 as details

import emrgateway_client as client_package
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import Client, GatewayError, Resource, Unavailable, Violation

from .gateway import Refusal, refusal

if TYPE_CHECKING:
    from .gateway import Gateway

_Code = grpc.StatusCode

# The contract's table: code, reason, the class that callers catch.
_TABLE = [
    (_Code.INVALID_ARGUMENT, "INVALID_REQUEST", "InvalidRequest"),
    (_Code.UNAUTHENTICATED, "UNAUTHENTICATED", "Unauthenticated"),
    (_Code.PERMISSION_DENIED, "POLICY_VIOLATION", "PolicyViolation"),
    (_Code.NOT_FOUND, "NOT_FOUND", "NotFound"),
    (_Code.FAILED_PRECONDITION, "NO_TARGET", "NoTarget"),
    (_Code.ALREADY_EXISTS, "CLIENT_TOKEN_REUSED", "ClientTokenReused"),
    (_Code.FAILED_PRECONDITION, "CONFLICT", "Conflict"),
    (_Code.INVALID_ARGUMENT, "UPSTREAM_VALIDATION", "UpstreamValidation"),
    (_Code.RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA", "UpstreamQuota"),
    (_Code.RESOURCE_EXHAUSTED, "THROTTLED", "Throttled"),
    (_Code.FAILED_PRECONDITION, "UPSTREAM_ACCESS_DENIED", "UpstreamAccessDenied"),
    (_Code.UNAVAILABLE, "UPSTREAM_UNREACHABLE", "UpstreamUnreachable"),
    (_Code.UNAVAILABLE, "UPSTREAM_UNKNOWN", "UpstreamUnknown"),
    (_Code.DEADLINE_EXCEEDED, "DEADLINE", "DeadlineExceeded"),
    (_Code.UNAVAILABLE, "DRAINING", "Draining"),
    (_Code.UNAVAILABLE, "LEDGER_UNAVAILABLE", "LedgerUnavailable"),
    (_Code.UNAVAILABLE, "AUDIT_UNAVAILABLE", "AuditUnavailable"),
    (_Code.INTERNAL, "INTERNAL", "Internal"),
    # A status without our reason, and a reason newer than this client.
    (_Code.UNAVAILABLE, "", "Unavailable"),
    (_Code.UNAUTHENTICATED, "", "Unauthenticated"),
    (_Code.UNIMPLEMENTED, "", "Unimplemented"),
    (_Code.PERMISSION_DENIED, "", "GatewayError"),
    (_Code.UNAVAILABLE, "INVENTED_LATER", "Unavailable"),
    (_Code.ABORTED, "INVENTED_LATER", "GatewayError"),
]


def _fail(gateway: Gateway, answer: Refusal, **request: bool) -> GatewayError:
    gateway.always = answer
    with Client(gateway.target) as client, pytest.raises(GatewayError) as caught:
        client.start_job_run(pb.StartJobRunRequest(client_token="t", **request))  # type: ignore[arg-type]  # noqa: S106
    return caught.value


@pytest.mark.parametrize(("code", "reason", "name"), _TABLE)
def test_each_reason_has_its_class(gateway: Gateway, code: grpc.StatusCode, reason: str, name: str) -> None:
    """Each row of the contract's table arrives as its own class, with code and reason, and survives pickling."""
    answer = (
        refusal(code, reason, pushback=-1) if reason else Refusal(code, trailers=(("grpc-retry-pushback-ms", "-1"),))
    )
    error = _fail(gateway, answer)
    assert type(error) is getattr(client_package, name)
    assert (error.code, error.reason, error.message) == (code, reason, "scripted")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), again.failure) == (type(error), error.failure)


def test_a_policy_violation_tells_all(gateway: Gateway) -> None:
    """Rule, field and description of each violation, metadata, counts, outcome; and all of it reads well as text."""
    refused = details.PreconditionFailure()
    refused.violations.add(type="data-eng/timeout", subject="execution_timeout_minutes", description="900 is over 720.")
    refused.violations.add(type="data-eng/team-tag", subject="tags.team", description="missing.")
    metadata = {"outcome": "not_started", "policy_digest": "sha256:00", "violations": "5", "omitted": "3"}
    error = _fail(gateway, refusal(_Code.PERMISSION_DENIED, "POLICY_VIOLATION", refused, metadata=metadata))
    assert error.violations == (
        Violation("execution_timeout_minutes", "900 is over 720.", "data-eng/timeout"),
        Violation("tags.team", "missing.", "data-eng/team-tag"),
    )
    assert (error.violations_total, error.violations_omitted) == (5, 3)
    assert error.outcome == "not_started"
    assert error.metadata == metadata
    assert str(error).splitlines() == [
        "POLICY_VIOLATION (PERMISSION_DENIED): scripted",
        "  execution_timeout_minutes: 900 is over 720. [data-eng/timeout]",
        "  tags.team: missing. [data-eng/team-tag]",
        "  and 3 more, for which the reply had no room",
    ]


def test_the_other_details_are_read(gateway: Gateway) -> None:
    """BadRequest, QuotaFailure, ResourceInfo and RetryInfo each arrive where the docs say."""
    bad = details.BadRequest()
    bad.field_violations.add(field="name", description="too long")
    error = _fail(gateway, refusal(_Code.INVALID_ARGUMENT, "INVALID_REQUEST", bad))
    assert error.violations == (Violation("name", "too long"),)
    quota = details.QuotaFailure()
    quota.violations.add(subject="vcpu", description="64 in use of 64")
    error = _fail(gateway, refusal(_Code.RESOURCE_EXHAUSTED, "UPSTREAM_QUOTA", quota, pushback=-1))
    assert error.violations == (Violation("vcpu", "64 in use of 64"),)
    lost = details.ResourceInfo(resource_type="job run", resource_name="a/r", description="gone")
    error = _fail(gateway, refusal(_Code.NOT_FOUND, "NOT_FOUND", lost))
    assert error.resource == Resource("job run", "a/r", "gone")
    wait = details.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=500_000_000))
    error = _fail(gateway, refusal(_Code.RESOURCE_EXHAUSTED, "THROTTLED", wait, pushback=-1))
    assert error.retry_after_seconds == 1.5


@pytest.mark.parametrize(
    "trailer",
    [b"\xff\xff", refusal(_Code.NOT_FOUND, "NOT_FOUND").trailers[0][1]],
    ids=["garbage", "of another code"],
)
def test_details_that_cannot_be_trusted_are_left(gateway: Gateway, trailer: bytes) -> None:
    """Garbage, and details that belong to another code than the call's, do not hide the status itself."""
    error = _fail(gateway, Refusal(_Code.ABORTED, "by a proxy", (("grpc-status-details-bin", trailer),)))
    assert (type(error), error.reason, error.message) == (GatewayError, "", "by a proxy")
    assert error.outcome == "unknown"


def test_a_foreign_domain_is_no_reason_of_ours(gateway: Gateway) -> None:
    """ErrorInfo of another service (a mesh, say) is not taken for the gateway's word."""
    ours = refusal(_Code.ABORTED, "NOT_FOUND")
    key, value = ours.trailers[0]
    assert isinstance(value, bytes)
    error = _fail(gateway, Refusal(_Code.ABORTED, "scripted", ((key, value.replace(b"emrgateway", b"otherhouse")),)))
    assert (type(error), error.reason) == (GatewayError, "")


def test_validate_only_never_started_anything(gateway: Gateway) -> None:
    """A lost reply to `validate_only` is no unknown: nothing was to be started."""
    assert _fail(gateway, Refusal(_Code.ABORTED), validate_only=True).outcome == "not_started"


def test_nobody_there(gateway: Gateway) -> None:
    """The deadline of the transport, and a read that has no outcome at all."""
    gateway.always = Refusal(hold=True)
    with Client(gateway.target) as client:
        with pytest.raises(client_package.DeadlineExceeded) as caught:
            client.start_job_run(pb.StartJobRunRequest(), timeout=0.2)
        assert (caught.value.reason, caught.value.outcome) == ("", "unknown")
        with pytest.raises(client_package.DeadlineExceeded) as caught:
            client.get_job_run("a", "r", timeout=0.2)
        assert caught.value.outcome is None


def test_unavailable_is_a_family() -> None:
    """One `except Unavailable` covers all that a later attempt may mend."""
    for name in ("UpstreamUnreachable", "UpstreamUnknown", "Draining", "LedgerUnavailable", "AuditUnavailable"):
        assert issubclass(getattr(client_package, name), Unavailable)


def test_all_is_what_it_says() -> None:
    """Every exported name exists."""
    assert all(hasattr(client_package, name) for name in client_package.__all__)
