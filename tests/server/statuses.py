"""A failed call as a test reads it: `google.rpc.Status` unpacked, each detail type at most once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2 as details_pb2
from google.rpc import status_pb2

if TYPE_CHECKING:
    from collections.abc import Callable


_KINDS = (
    details_pb2.BadRequest,
    details_pb2.ErrorInfo,
    details_pb2.PreconditionFailure,
    details_pb2.QuotaFailure,
    details_pb2.ResourceInfo,
    details_pb2.RetryInfo,
)


@dataclass(frozen=True)
class Refused:
    """Code, text and details of one failed call; `raw` is all of it as bytes, for what must not be there."""

    code: str
    message: str
    details: dict[str, Any]
    pushback: int | None
    raw: bytes

    @property
    def reason(self) -> str:
        """ErrorInfo's reason, empty where the transport spoke."""
        info = self.details.get("ErrorInfo")
        return info.reason if info else ""

    @property
    def metadata(self) -> dict[str, str]:
        """ErrorInfo's metadata."""
        info = self.details.get("ErrorInfo")
        return dict(info.metadata) if info else {}

    @property
    def outcome(self) -> str | None:
        """Whether a job may have started."""
        return self.metadata.get("outcome")

    @property
    def fields(self) -> list[str]:
        """The fields of BadRequest, in order."""
        bad = self.details.get("BadRequest")
        return [violation.field for violation in bad.field_violations] if bad else []

    @property
    def descriptions(self) -> dict[str, str]:
        """BadRequest's descriptions, by field."""
        bad = self.details.get("BadRequest")
        return {violation.field: violation.description for violation in bad.field_violations} if bad else {}

    @property
    def denials(self) -> list[tuple[str, str]]:
        """PreconditionFailure's (type, subject), in order."""
        refused = self.details.get("PreconditionFailure")
        return [(violation.type, violation.subject) for violation in refused.violations] if refused else []


def refused(call: Callable[[], object]) -> Refused:
    """What a call that must fail was told."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return read(cast("grpc.Call", caught.value))


def read(error: grpc.Call) -> Refused:
    """What a failed call was told. Asserts what holds for every failure of ours."""
    status, pushback, raw = status_pb2.Status(), None, error.details().encode()
    for key, value in error.trailing_metadata() or ():
        raw += value if isinstance(value, bytes) else value.encode()
        if key == "grpc-status-details-bin":
            status.ParseFromString(cast("bytes", value))
            assert (status.code, status.message) == (error.code().value[0], error.details())
            assert len(value) <= 6 * 1024
        if key == "grpc-retry-pushback-ms":
            pushback = int(value)
    details = [_unpacked(packed) for packed in status.details]
    by_kind = {type(detail).__name__: detail for detail in details}
    assert len(by_kind) == len(details), "a detail type stands twice"
    if details:
        assert by_kind["ErrorInfo"].domain == "emrgateway"
    return Refused(error.code().name, error.details(), by_kind, pushback, raw)


def _unpacked(packed: Any) -> Any:  # noqa: ANN401 - a detail of any type
    for kind in _KINDS:
        if packed.Is(kind.DESCRIPTOR):
            detail = kind()
            packed.Unpack(detail)
            return detail
    raise AssertionError(packed.type_url)
