"""Everything a call can fail with: one class a reason of the contract, all of them `GatewayError`.

Catch `GatewayError` for any failure, a reason's class for that reason, `Unavailable` for all that a later attempt may
mend. For a failed `start_job_run`, `outcome` says whether a job may have started: where it is "unknown", submit again
with `client_token`, and there will be one job run, not two.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import grpc

Outcome: TypeAlias = Literal["not_started", "unknown"]


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that was refused: the field's path, why, and the rule's full id where a policy's rule refused it."""

    field: str
    description: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """What was not found, or not the caller's to see."""

    type: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call, as read from its status; `GatewayError` offers each of these as its own attribute.

    `reason` is empty where the status came from another party than the gateway: the transport, a proxy.
    `retry_after_seconds` is None unless the gateway named a time. `violations_total` counts those too that found no
    room in the reply; `validate_only` shows them all.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    outcome: Outcome | None = None
    violations: tuple[Violation, ...] = ()
    violations_total: int = 0
    retry_after_seconds: float | None = None
    resource: Resource | None = None
    client_token: str = ""

    @property
    def violations_omitted(self) -> int:
        """How many violations found no room in the reply."""
        return max(0, self.violations_total - len(self.violations))


class GatewayError(Exception):
    """A call that failed. Its text is for people: reason and code, the message, then a line a violation."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure
        self.code = failure.code
        self.reason = failure.reason
        self.message = failure.message
        self.metadata = dict(failure.metadata)
        self.outcome = failure.outcome
        self.violations = failure.violations
        self.violations_total = failure.violations_total
        self.violations_omitted = failure.violations_omitted
        self.retry_after_seconds = failure.retry_after_seconds
        self.resource = failure.resource
        self.client_token = failure.client_token

    def __str__(self) -> str:
        code = self.code.name
        title = code if self.reason in {"", code} else f"{self.reason} ({code})"
        lines = [f"{title}: {self.message}"]
        for violation in self.violations:
            place = f"{violation.field}: " if violation.field else ""
            rule = f" [{violation.rule}]" if violation.rule else ""
            lines.append(f"  {place}{violation.description}{rule}")
        if self.violations_omitted:
            lines.append(f"  and {self.violations_omitted} more, for which the reply had no room")
        return "\n".join(lines)


class InvalidRequest(GatewayError):
    """The request is malformed, too large, or not what AWS's model allows."""


class Unauthenticated(GatewayError):
    """No identity, or none that is accepted."""


class PolicyViolation(GatewayError):
    """Policy refuses the request; `violations` names each rule."""


class NotFound(GatewayError):
    """It is not there, or not the caller's: the gateway does not say which."""


class NoTarget(GatewayError):
    """No target of the gateway serves the application."""


class ClientTokenReused(GatewayError):
    """The client token was used for another request."""


class Conflict(GatewayError):
    """AWS: the state of the application or the job run forbids it."""


class UpstreamValidation(GatewayError):
    """AWS found the request invalid."""


class UpstreamQuota(GatewayError):
    """AWS: a service quota is reached."""


class UpstreamAccessDenied(GatewayError):
    """AWS denies the gateway itself: the gateway's operator has to mend it."""


class Internal(GatewayError):
    """A bug of the gateway."""


class Throttled(GatewayError):
    """Too many requests, or the deadline cannot be met; `retry_after_seconds` says when to come back."""


class Unavailable(GatewayError):
    """The gateway, or what it needs, cannot be reached; of itself the transport's word, without a reason."""


class UpstreamUnreachable(Unavailable):
    """AWS could not be called: nothing was sent."""


class UpstreamUnknown(Unavailable):
    """AWS was called and gave no usable answer."""


class Draining(Unavailable):
    """The gateway is about to stop."""


class LedgerUnavailable(Unavailable):
    """The gateway's record of submissions cannot be reached."""


class AuditUnavailable(Unavailable):
    """The gateway's audit cannot be written, and it does nothing without."""


class DeadlineExceeded(GatewayError):
    """The deadline passed: by the gateway's word (reason DEADLINE), or by the transport's (no reason)."""


class Unimplemented(GatewayError):
    """What answered has no such method: another service, or an older gateway."""


BY_REASON: Final[dict[str, type[GatewayError]]] = {
    "INVALID_REQUEST": InvalidRequest,
    "UNAUTHENTICATED": Unauthenticated,
    "POLICY_VIOLATION": PolicyViolation,
    "NOT_FOUND": NotFound,
    "NO_TARGET": NoTarget,
    "CLIENT_TOKEN_REUSED": ClientTokenReused,
    "CONFLICT": Conflict,
    "UPSTREAM_VALIDATION": UpstreamValidation,
    "UPSTREAM_QUOTA": UpstreamQuota,
    "THROTTLED": Throttled,
    "UPSTREAM_ACCESS_DENIED": UpstreamAccessDenied,
    "UPSTREAM_UNREACHABLE": UpstreamUnreachable,
    "UPSTREAM_UNKNOWN": UpstreamUnknown,
    "DEADLINE": DeadlineExceeded,
    "DRAINING": Draining,
    "LEDGER_UNAVAILABLE": LedgerUnavailable,
    "AUDIT_UNAVAILABLE": AuditUnavailable,
    "INTERNAL": Internal,
}
