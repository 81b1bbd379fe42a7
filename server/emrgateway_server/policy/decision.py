"""What policy makes of one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from emrgateway_server.errors import Violation


class Mode(StrEnum):
    """How a rule is held: `warn` and `audit` amend and deny nothing; `audit` does not tell the caller either."""

    ENFORCE = "enforce"
    WARN = "warn"
    AUDIT = "audit"


class Verdict(Enum):
    """What a rule did."""

    CHANGED = "changed"
    WARNED = "warned"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one rule did to one field. `before` and `after` are empty where unset or sensitive."""

    rule_id: str
    verdict: Verdict
    field: str
    message: str
    before: str = ""
    after: str = ""
    mode: Mode = Mode.ENFORCE


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one request, the request as amended (AWS's form), and every rule that had a say, in order.

    `applied` are the full ids of the rules that were in force for it, whether they had anything to do or not;
    `excepted` those that an exception took away. `unstamped` says why a setting of the gateway's own was left out, and
    is empty where none was.
    """

    policy_digest: str
    outcomes: tuple[Outcome, ...]
    request: Mapping[str, object]
    applied: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    unstamped: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing denies it."""
        return not any(outcome.verdict is Verdict.DENIED for outcome in self.outcomes)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """What denies it, as the caller is told."""
        return tuple(
            Violation(outcome.field, outcome.message, outcome.rule_id)
            for outcome in self.outcomes
            if outcome.verdict is Verdict.DENIED
        )
