"""A call's status → the exception that says it. The one place that reads `google.rpc.Status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest
from emrgateway_client import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.message import Message

_DOMAIN: Final = "emrgateway"
_DETAILS_KEY: Final = "grpc-status-details-bin"

# What is said without a reason of ours: by the transport, a proxy, or a gateway with reasons newer than this client.
_BY_CODE: Final[dict[grpc.StatusCode, type[errors.GatewayError]]] = {
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
}

_DetailT = TypeVar("_DetailT", bound="Message")


def to_error(call: grpc.Call | grpc.aio.AioRpcError, request: Message) -> errors.GatewayError:
    """The exception for a failed call, with all that its status says.

    A failed StartJobRun always has an outcome: the gateway's word, else "unknown", or "not_started" where the request
    was to validate only. A code that is not the details' own (a proxy replaced it) makes the details void.
    """
    failure = _read(call, request)
    kind = errors.BY_REASON.get(failure.reason) or _BY_CODE.get(failure.code, errors.GatewayError)
    return kind(failure)


def _read(call: grpc.Call | grpc.aio.AioRpcError, request: Message) -> errors.Failure:
    code, message = call.code(), call.details() or ""
    details = _details(call)
    info = _detail(details, error_details_pb2.ErrorInfo)
    if info is None or info.domain != _DOMAIN:
        outcome = _outcome("", request)
        return errors.Failure(code, message, outcome=outcome, client_token=_token(request))
    violations = tuple(_violations(details))
    retry = _detail(details, error_details_pb2.RetryInfo)
    return errors.Failure(
        code=code,
        message=message,
        reason=info.reason,
        metadata=dict(info.metadata),
        outcome=_outcome(info.metadata.get("outcome", ""), request),
        violations=violations,
        violations_total=max(_count(info.metadata.get("violations", "")), len(violations)),
        retry_after_seconds=retry.retry_delay.ToNanoseconds() / 1e9 if retry else None,
        resource=_resource(details),
        client_token=_token(request),
    )


def _details(call: grpc.Call | grpc.aio.AioRpcError) -> status_pb2.Status:
    trailers = cast("Iterable[tuple[str, str | bytes]]", call.trailing_metadata() or ())
    for key, value in trailers:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                break
            if status.code == call.code().value[0]:
                return status
    return status_pb2.Status()


def _detail(status: status_pb2.Status, kind: type[_DetailT]) -> _DetailT | None:
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            try:
                packed.Unpack(detail)
            except DecodeError:
                return None
            return detail
    return None


def _violations(status: status_pb2.Status) -> Iterable[errors.Violation]:
    malformed = _detail(status, error_details_pb2.BadRequest)
    for field in malformed.field_violations if malformed else ():
        yield errors.Violation(field.field, field.description)
    refused = _detail(status, error_details_pb2.PreconditionFailure)
    for rule in refused.violations if refused else ():
        yield errors.Violation(rule.subject, rule.description, rule.type)
    quota = _detail(status, error_details_pb2.QuotaFailure)
    for limit in quota.violations if quota else ():
        yield errors.Violation(limit.subject, limit.description)


def _resource(status: status_pb2.Status) -> errors.Resource | None:
    info = _detail(status, error_details_pb2.ResourceInfo)
    return errors.Resource(info.resource_type, info.resource_name, info.description) if info else None


def _outcome(said: str, request: Message) -> errors.Outcome | None:
    if not isinstance(request, StartJobRunRequest):
        return None
    return "not_started" if said == "not_started" or request.validate_only else "unknown"


def _token(request: Message) -> str:
    return request.client_token if isinstance(request, StartJobRunRequest) else ""


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0  # noqa: PLR2004 - no count is longer
