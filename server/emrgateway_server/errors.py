"""The closed tree of errors that a caller can meet. Its one mapping to gRPC is in `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self


class Outcome(StrEnum):
    """What a failed StartJobRun may have done: the caller's guide to retrying."""

    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: where (`field`, a path in snake_case) and what to do about it (`description`).

    `rule` is the full id of the policy rule that says so, empty where the AWS model or the contract does.
    Neither text ever holds a value that the AWS model marks sensitive.
    """

    field: str
    description: str
    rule: str = ""


class GatewayError(Exception):
    """The root: a failure with a reason of the contract's table.

    `metadata` goes into ErrorInfo; `retry_after` (seconds) into RetryInfo and the retry pushback, where a negative
    value tells the client not to retry. `is_of_clock` says that a call with more time might have met another end.
    """

    reason: ClassVar[str] = "INTERNAL"
    outcome: ClassVar[Outcome] = Outcome.NOT_STARTED

    def __init__(
        self,
        message: str,
        *,
        violations: Iterable[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        is_of_clock: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.is_of_clock = is_of_clock

    def copied(self) -> Self:
        """Another one that says the same: what one thread raises and amends, no other may."""
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__)
        twin.metadata = dict(self.metadata)
        twin.__cause__ = self.__cause__
        return twin


class InvalidRequest(GatewayError):
    """Malformed, too large, or outside the AWS model."""

    reason = "INVALID_REQUEST"


class Unauthenticated(GatewayError):
    """No identity, or one that does not hold."""

    reason = "UNAUTHENTICATED"


class PolicyViolation(GatewayError):
    """The organisation's policy refuses."""

    reason = "POLICY_VIOLATION"


class NotFound(GatewayError):
    """Not there, or not the caller's: one answer for both. `resource_type` and `resource` are what was asked for."""

    reason = "NOT_FOUND"

    def __init__(self, message: str, *, resource_type: str, resource: str) -> None:
        super().__init__(message)
        self.resource_type = resource_type
        self.resource = resource


class NoTarget(GatewayError):
    """No configured account serves the application."""

    reason = "NO_TARGET"


class ClientTokenReused(GatewayError):
    """The token was used for another request."""

    reason = "CLIENT_TOKEN_REUSED"


class LedgerUnavailable(GatewayError):
    """The record of submissions cannot be reached, and nothing is sent without it."""

    reason = "LEDGER_UNAVAILABLE"


class AuditUnavailable(GatewayError):
    """The audit cannot be written, and nothing is done without it."""

    reason = "AUDIT_UNAVAILABLE"


class Conflict(GatewayError):
    """AWS: the application's state forbids it, or, where `is_of_token` (None: perhaps), the token that was used."""

    reason = "CONFLICT"
    is_of_token: bool | None = False


class UpstreamValidation(GatewayError):
    """AWS refuses the request."""

    reason = "UPSTREAM_VALIDATION"


class UpstreamQuota(GatewayError):
    """AWS: a service quota is used up."""

    reason = "UPSTREAM_QUOTA"


class Throttled(GatewayError):
    """AWS throttles, or the gateway is at its own limit."""

    reason = "THROTTLED"


class UpstreamAccessDenied(GatewayError):
    """AWS denies the gateway itself."""

    reason = "UPSTREAM_ACCESS_DENIED"


class UpstreamUnreachable(GatewayError):
    """AWS was not reached: nothing was sent."""

    reason = "UPSTREAM_UNREACHABLE"


class UpstreamUnknown(GatewayError):
    """AWS's answer was lost or makes no sense: it may have acted."""

    reason = "UPSTREAM_UNKNOWN"
    outcome = Outcome.UNKNOWN


class DeadlineNears(GatewayError):
    """The caller's deadline nears, and nothing was sent."""

    reason = "DEADLINE"


class DeadlineNearsAfterSend(DeadlineNears):
    """The caller's deadline nears while AWS has not answered."""

    outcome = Outcome.UNKNOWN


class Draining(GatewayError):
    """The server is shutting down."""

    reason = "DRAINING"


class Internal(GatewayError):
    """A bug of ours. `outcome` is unknown when AWS may have been called."""

    reason = "INTERNAL"
    outcome = Outcome.UNKNOWN
