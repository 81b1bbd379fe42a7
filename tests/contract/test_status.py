"""Errors → what gRPC sends: the contract's codes and reasons, and details that arrive."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    QuotaFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st

from emrgateway_server import errors, status
from emrgateway_server.errors import GatewayError, Violation

DETAILS = "grpc-status-details-bin"
MOST_BYTES = 6 * 1024
DIGEST = {"policy_digest": "sha256:" + "a" * 64}
# gRPC drops what is too large by chance, the likelier the larger: one call proves nothing.
CALLS = 25


def _status(reply: status.Reply) -> Status:
    (data,) = [value for key, value in reply.trailers if key == DETAILS]
    assert isinstance(data, bytes)
    return Status.FromString(data)


def _info(details: Status) -> ErrorInfo:
    info = ErrorInfo()
    assert details.details[0].Unpack(info)
    return info


def _unpacked(detail: Any) -> BadRequest | PreconditionFailure | QuotaFailure | ResourceInfo | RetryInfo:
    for kind in (BadRequest, PreconditionFailure, QuotaFailure, ResourceInfo, RetryInfo):
        message = kind()
        if detail.Unpack(message):
            return message
    raise AssertionError(detail.type_url)


def _shown(details: Status) -> list[tuple[str, str, str]]:
    """(rule, path, description) of the violations that a status lists."""
    for detail in details.details[1:]:
        message = _unpacked(detail)
        if isinstance(message, BadRequest):
            return [("", item.field, item.description) for item in message.field_violations]
        if isinstance(message, PreconditionFailure):
            return [(item.type, item.subject, item.description) for item in message.violations]
    return []


def _of(kind: type[GatewayError], message: str = "words", **arguments: object) -> GatewayError:
    if kind is errors.NotFound:
        arguments |= {"resource_type": "job run", "resource": "applications/a/jobruns/b"}
    return kind(message, **arguments)  # type: ignore[arg-type] # each as the case wants it


def _kinds(kind: type[GatewayError] = GatewayError) -> list[type[GatewayError]]:
    return [inner for child in kind.__subclasses__() for inner in (child, *_kinds(child))]


# The contract's table, as far as this version can fail that way.
CODES = {
    "INVALID_REQUEST": grpc.StatusCode.INVALID_ARGUMENT,
    "UNAUTHENTICATED": grpc.StatusCode.UNAUTHENTICATED,
    "POLICY_VIOLATION": grpc.StatusCode.PERMISSION_DENIED,
    "NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "NO_TARGET": grpc.StatusCode.FAILED_PRECONDITION,
    "CLIENT_TOKEN_REUSED": grpc.StatusCode.ALREADY_EXISTS,
    "CONFLICT": grpc.StatusCode.FAILED_PRECONDITION,
    "UPSTREAM_VALIDATION": grpc.StatusCode.INVALID_ARGUMENT,
    "UPSTREAM_QUOTA": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "THROTTLED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "UPSTREAM_ACCESS_DENIED": grpc.StatusCode.FAILED_PRECONDITION,
    "UPSTREAM_UNREACHABLE": grpc.StatusCode.UNAVAILABLE,
    "UPSTREAM_UNKNOWN": grpc.StatusCode.UNAVAILABLE,
    "DEADLINE": grpc.StatusCode.DEADLINE_EXCEEDED,
    "DRAINING": grpc.StatusCode.UNAVAILABLE,
    "LEDGER_UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "AUDIT_UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "INTERNAL": grpc.StatusCode.INTERNAL,
}
UNKNOWN = {"UPSTREAM_UNKNOWN", "DeadlineNearsAfterSend", "INTERNAL"}


@pytest.mark.parametrize("kind", _kinds())
def test_every_error_has_its_code_reason_and_outcome(kind: type[GatewayError]) -> None:
    """The tree is closed: each class maps to the contract's code, in one ErrorInfo of our domain."""
    reply = status.reply_of(_of(kind), with_outcome=True)
    details = _status(reply)
    info = _info(details)
    assert (reply.code, reply.message) == (CODES[kind.reason], "words")
    assert (details.code, details.message) == (reply.code.value[0], "words")
    assert (info.reason, info.domain) == (kind.reason, "emrgateway")
    wanted = "unknown" if UNKNOWN & {kind.reason, kind.__name__} else "not_started"
    assert dict(info.metadata) == {"outcome": wanted}
    assert "outcome" not in _info(_status(status.reply_of(_of(kind), with_outcome=False))).metadata


def test_an_outcome_that_is_known_better_stays() -> None:
    """A bug before anything was sent says so, whatever its class would say."""
    error = errors.Internal("words", metadata={"outcome": "not_started"})
    assert _info(_status(status.reply_of(error, with_outcome=True))).metadata["outcome"] == "not_started"


MANY = {
    "sixty": [Violation(f"tags.k{number}", "is not allowed: use another", f"p/rule-{number}") for number in range(60)],
    "five thousand": [Violation(f"tags.k{number}", "x", "p/rule") for number in range(5_000)],
    "long": [Violation(f"tags.k{number}", "long " * 1_000, "p/rule") for number in range(60)],
    "long and not ASCII": [Violation("tags.\u65e5", "\u65e5\u672c\u8a9e" * 1_000, "p/rule") for _ in range(60)],
    "empty": [Violation("", "", "") for _ in range(5_000)],
    "one": [Violation("tags.k", "x", "p/rule")],
}  # fmt: skip
WITH_VIOLATIONS = [errors.InvalidRequest, errors.PolicyViolation]


@pytest.mark.parametrize("kind", WITH_VIOLATIONS)
@pytest.mark.parametrize("violations", MANY.values(), ids=MANY)
def test_violations_are_cut_to_fit_and_counted(kind: type[GatewayError], violations: list[Violation]) -> None:
    """At most 6 KiB: violations in order until full, the rest counted; no detail type stands there twice."""
    reply = status.reply_of(_of(kind, violations=violations, metadata=DIGEST), with_outcome=True)
    details = _status(reply)
    info, shown = _info(details), _shown(details)
    assert details.ByteSize() <= MOST_BYTES
    assert 0 < len(shown) == int(info.metadata["violations"]) - int(info.metadata["omitted"])
    assert info.metadata["violations"] == str(len(violations))
    assert info.metadata["policy_digest"] == DIGEST["policy_digest"]
    types = [detail.type_url for detail in details.details]
    assert len(types) == len(set(types))
    for (rule, path, description), violation in zip(shown, violations, strict=False):
        assert (path, rule) == (violation.field, violation.rule if kind is errors.PolicyViolation else "")
        assert description == violation.description or description.endswith("...")
    if len(shown) < len(violations):  # not cut sooner than needed
        assert details.ByteSize() > MOST_BYTES - 3_500


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(Violation, st.text(), st.text(), st.text()), max_size=80), st.text(), st.booleans())
def test_any_violations_fit(violations: list[Violation], message: str, policy: bool) -> None:  # noqa: FBT001 - hypothesis'
    """Whatever the texts, the details fit, and what is shown and what is left out add up."""
    kind = errors.PolicyViolation if policy else errors.InvalidRequest
    details = _status(status.reply_of(kind(message, violations=violations), with_outcome=True))
    info = _info(details)
    assert details.ByteSize() <= MOST_BYTES
    assert int(info.metadata.get("violations", "0")) == len(violations)
    assert len(_shown(details)) + int(info.metadata.get("omitted", "0")) == len(violations)


def test_details_say_what_each_error_is_about() -> None:
    """NotFound names the resource, a quota says it is AWS's and not to retry, a throttle when to retry."""
    missing = _unpacked(_status(status.reply_of(_of(errors.NotFound), with_outcome=False)).details[1])
    assert isinstance(missing, ResourceInfo)
    assert (missing.resource_type, missing.resource_name) == ("job run", "applications/a/jobruns/b")
    quota = status.reply_of(_of(errors.UpstreamQuota, retry_after=-1.0), with_outcome=True)
    assert [type(_unpacked(detail)) for detail in _status(quota).details[1:]] == [QuotaFailure]
    assert ("grpc-retry-pushback-ms", "-1") in quota.trailers
    throttled = status.reply_of(_of(errors.Throttled, retry_after=1.25), with_outcome=True)
    (retry,) = (_unpacked(detail) for detail in _status(throttled).details[1:])
    assert isinstance(retry, RetryInfo)
    assert retry.retry_delay.ToMilliseconds() == 1_250
    assert ("grpc-retry-pushback-ms", "1250") in throttled.trailers


@contextmanager
def _answering(reply: status.Reply) -> Iterator[grpc.UnaryUnaryMultiCallable[bytes, bytes]]:
    """A method of a real server on loopback that fails with a reply, and a real channel to it."""

    def fail(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(tuple(reply.trailers))
        context.abort(reply.code, reply.message)
        raise AssertionError("abort returned")

    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {"Fail": grpc.unary_unary_rpc_method_handler(fail)}
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1), options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel.unary_unary("/test.Test/Fail")
    finally:
        server.stop(None).wait(10)


@pytest.mark.parametrize("kind", WITH_VIOLATIONS)
@pytest.mark.parametrize("violations", MANY.values(), ids=MANY)
def test_the_details_reach_the_caller(kind: type[GatewayError], violations: list[Violation]) -> None:
    """Over a real channel, call after call, the code, the text and the details arrive as they were sent."""
    message = "policy refuses the request: " + "words " * 100
    reply = status.reply_of(_of(kind, message, violations=violations, metadata=DIGEST), with_outcome=True)
    with _answering(reply) as call:
        for _ in range(CALLS):
            with pytest.raises(grpc.RpcError) as raised:
                call(b"", timeout=30)
            assert raised.value.code() is reply.code
            assert raised.value.details() == reply.message
            trailers = {item.key: item.value for item in raised.value.trailing_metadata()}
            assert Status.FromString(trailers[DETAILS]) == _status(reply)


def test_the_message_is_cut() -> None:
    """The text of a status is for one line, not for a page."""
    reply = status.reply_of(errors.Conflict("x" * 10_000), with_outcome=True)
    assert len(reply.message) <= 300
    assert reply.message.endswith("...")
    assert _status(reply).message == reply.message
