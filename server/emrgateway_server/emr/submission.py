"""What makes one accepted submission one job run: the upstream token, and the tags that find the run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

TAG_PREFIX = "emr-gateway:"
CALLER_TAG = f"{TAG_PREFIX}caller"
SUBMISSION_TAG = f"{TAG_PREFIX}submission"
INTENT_TAG = f"{TAG_PREFIX}intent"


def upstream_token(*, caller: str, account: str, region: str, application: str, client_token: str) -> str:
    """The clientToken sent to AWS: the same on every replica, and no caller's collides with another's.

    64 hexadecimal digits, just what AWS allows.
    """
    return _digest("submission", caller, account, region, application, client_token)


def intent(request: Mapping[str, object]) -> str:
    """Digest of what the caller asked for, in AWS's form; the client token in it keeps it from being guessed."""
    original = {key: value for key, value in request.items() if key != "clientToken"}
    canonical = json.dumps(original, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return _digest("intent", str(request.get("clientToken", "")), canonical)


def reserved_tags(*, caller: str, token: str, intent: str) -> dict[str, str]:
    """The tags that the gateway stamps on every run, and that no caller can set."""
    return {CALLER_TAG: caller, SUBMISSION_TAG: token, INTENT_TAG: intent}


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
