"""The one mapping from the errors to `google.rpc.Status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import (
    BadRequest,
    ErrorInfo,
    PreconditionFailure,
    QuotaFailure,
    ResourceInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from emrgateway_server import errors
from emrgateway_server.errors import GatewayError, Violation

DOMAIN = "emrgateway"

# gRPC drops trailers above 8 KiB, and with them every detail (measured: 60 violations arrived as RESOURCE_EXHAUSTED).
MAX_STATUS_BYTES = 6 * 1024
MAX_MESSAGE_BYTES = 300
MAX_DESCRIPTION_BYTES = 1_000

CODES: dict[type[GatewayError], grpc.StatusCode] = {
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PolicyViolation: grpc.StatusCode.PERMISSION_DENIED,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.NoTarget: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ClientTokenReused: grpc.StatusCode.ALREADY_EXISTS,
    errors.LedgerUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.AuditUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.UpstreamValidation: grpc.StatusCode.INVALID_ARGUMENT,
    errors.UpstreamQuota: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Throttled: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UpstreamAccessDenied: grpc.StatusCode.FAILED_PRECONDITION,
    errors.UpstreamUnreachable: grpc.StatusCode.UNAVAILABLE,
    errors.UpstreamUnknown: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineNears: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.DeadlineNearsAfterSend: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Draining: grpc.StatusCode.UNAVAILABLE,
    errors.Internal: grpc.StatusCode.INTERNAL,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A failure as gRPC sends it."""

    code: grpc.StatusCode
    message: str
    trailers: Sequence[tuple[str, str | bytes]]


def code_of(error: GatewayError) -> grpc.StatusCode:
    """The gRPC code of an error, by the contract's table."""
    return CODES[type(error)]


def reply_of(error: GatewayError, *, with_outcome: bool) -> Reply:
    """The status and trailers of an error, at most `MAX_STATUS_BYTES` of details.

    `with_outcome` says `metadata.outcome`, which belongs to every failed StartJobRun.
    """
    code = code_of(error)
    message = _shortened(error.message, MAX_MESSAGE_BYTES)
    metadata = {key: value for key, value in error.metadata.items() if key != "outcome"}
    if with_outcome:
        metadata["outcome"] = error.metadata.get("outcome", error.outcome)
    details = _plain_details(error)
    status = Status(code=code.value[0], message=message)
    if error.violations:
        details.append(_fitting(error, metadata, status, details))
    status.details.extend(_packed([_info(error, metadata), *details]))
    trailers: list[tuple[str, str | bytes]] = [("grpc-status-details-bin", status.SerializeToString())]
    if error.retry_after is not None:
        pushback = -1 if error.retry_after < 0 else round(error.retry_after * 1000)
        trailers.append(("grpc-retry-pushback-ms", str(pushback)))
    return Reply(code, message, trailers)


def _plain_details(error: GatewayError) -> list[Message]:
    details: list[Message] = []
    if isinstance(error, errors.NotFound):
        details.append(
            ResourceInfo(resource_type=error.resource_type, resource_name=_shortened(error.resource, MAX_MESSAGE_BYTES))
        )
    if isinstance(error, errors.UpstreamQuota):
        description = _shortened(error.message, MAX_MESSAGE_BYTES)
        details.append(QuotaFailure(violations=[QuotaFailure.Violation(subject="aws", description=description)]))
    if error.retry_after is not None and error.retry_after >= 0:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        details.append(RetryInfo(retry_delay=delay))
    return details


def _fitting(error: GatewayError, metadata: dict[str, str], status: Status, others: Sequence[Message]) -> Message:
    """The violations in order until the status is full; `metadata` is told how many there are and were left out."""
    total = int(metadata.setdefault("violations", str(len(error.violations))))
    metadata["omitted"] = str(total)
    empty = Status(code=status.code, message=status.message)
    empty.details.extend(_packed([_info(error, metadata), *others, _violations(error, [])]))
    room = MAX_STATUS_BYTES - empty.ByteSize() - 16  # 16: the growth of the enclosing length prefixes
    kept: list[Message] = []
    for violation in error.violations:
        entry = _entry(error, violation)
        room -= entry.ByteSize() + 4
        if room < 0:
            break
        kept.append(entry)
    metadata["omitted"] = str(total - len(kept))
    return _violations(error, kept)


def _entry(error: GatewayError, violation: Violation) -> Message:
    description = _shortened(violation.description, MAX_DESCRIPTION_BYTES)
    path = _shortened(violation.field, MAX_DESCRIPTION_BYTES)
    entry: Message = (
        PreconditionFailure.Violation(type=violation.rule, subject=path, description=description)
        if isinstance(error, errors.PolicyViolation)
        else BadRequest.FieldViolation(field=path, description=description)
    )
    return entry


def _violations(error: GatewayError, entries: Sequence[Message]) -> Message:
    detail: Message = (
        PreconditionFailure(violations=entries)
        if isinstance(error, errors.PolicyViolation)
        else BadRequest(field_violations=entries)
    )
    return detail


def _info(error: GatewayError, metadata: dict[str, str]) -> ErrorInfo:
    return ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata)


def _packed(details: Iterable[Message]) -> list[Any]:
    packed = []
    for detail in details:
        packed.append(Any())
        packed[-1].Pack(detail)
    return packed


def _shortened(text: str, most: int) -> str:
    """A text of at most so many bytes, as gRPC sends them: it writes what is not ASCII at three bytes a byte."""
    if len(text) <= most and text.isascii():
        return text
    size = 0
    kept: list[str] = []
    for character in text:
        size += len(character.encode()) * (1 if character.isascii() else 3)
        if size > most - 3:
            return "".join(kept) + "..."
        kept.append(character)
    return text
