"""Why a caller's identity does not hold: for the log and the metric, never for the caller."""

from __future__ import annotations

import re
from enum import StrEnum

MOST_SHOWN = 120
_UNPRINTABLE = re.compile(r"[^!-~ ]")


class Reason(StrEnum):
    """All reasons there are, so that the metric has few series."""

    WRONG_PORT = "wrong_port"
    NO_SPIFFE_ID = "no_spiffe_id"
    BAD_SPIFFE_ID = "bad_spiffe_id"
    OTHER_TRUST_DOMAIN = "other_trust_domain"
    NO_TOKEN = "no_token"  # noqa: S105 - a name
    SEVERAL_TOKENS = "several_tokens"
    MALFORMED_TOKEN = "malformed_token"  # noqa: S105 - a name
    OVERSIZE_TOKEN = "oversize_token"  # noqa: S105 - a name
    UNKNOWN_ISSUER = "unknown_issuer"
    ALGORITHM = "algorithm"
    KEYS_UNAVAILABLE = "keys_unavailable"
    KEYS_STALE = "keys_stale"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    AUDIENCE = "audience"
    CLAIMS = "claims"
    CALLER_ID = "caller_id"


class Unproven(Exception):
    """No identity that holds. `note` is what helps an operator, and holds no token."""

    def __init__(self, reason: Reason, note: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.note = note


def shown(value: object) -> str:
    """What a stranger said, for the log: one line, printable, bounded."""
    text = value if isinstance(value, str) else type(value).__name__
    return _UNPRINTABLE.sub("?", text[:MOST_SHOWN]) + ("…" if len(text) > MOST_SHOWN else "")
