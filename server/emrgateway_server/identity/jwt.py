"""Identity by a bearer token: a JWT of one of the configured issuers.

Which issuer is meant is what the token says, and nothing else is believed of it before its signature is verified. What
was verified is remembered by the token's digest, until it expires or its key is gone.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from emrgateway_server import telemetry
from emrgateway_server.caller import Caller, Peer
from emrgateway_server.identity.issuer import Issuer, Proof
from emrgateway_server.identity.labels import Labels
from emrgateway_server.identity.unproven import Reason, Unproven, shown

# gRPC refuses more than 8 KiB of metadata by itself, now and then (its soft limit).
MOST_TOKEN_BYTES = 7 * 1024
MOST_KEPT = 10_000
# A replica that serves before it has keys would refuse everybody, so it waits so long for the first fetches.
FIRST_KEYS_SECONDS = 5.5
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*)")


class TokenIdentity:
    """Knows the callers of several issuers."""

    def __init__(self, issuers: Sequence[Issuer], labels: Labels) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}
        self._labels = labels
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[Proof, Caller]] = {}

    def start(self) -> None:
        """Fetch keys from now on; return when each issuer has answered or not, or has taken too long."""
        for issuer in self._issuers.values():
            issuer.keys.start()
        end = time.monotonic() + FIRST_KEYS_SECONDS
        for issuer in self._issuers.values():
            issuer.keys.wait_tried(end - time.monotonic())

    def stop(self) -> None:
        """Fetch no more."""
        for issuer in self._issuers.values():
            issuer.keys.stop()

    def identify(self, peer: Peer) -> Caller:
        """The caller whose token the call carries."""
        token = _token(peer.authorization)
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known[0].holds():
            return known[1]
        header, issuer = self._unverified(token)
        proof = issuer.proof(token, header)
        caller = Caller(proof.caller_id, self._labels.of(proof.caller_id))
        self._keep(digest, proof, caller)
        return caller

    def observe(self) -> None:
        """Tell how old the keys of each issuer are, and how often they did not come."""
        issuers = self._issuers.values()
        telemetry.observe(
            "emr_gateway.jwks.age_seconds",
            "How long ago an issuer last said which its keys are.",
            lambda: [(age, {"issuer": each.name}) for each in issuers if (age := each.keys.age_seconds) is not None],
        )
        telemetry.observe(
            "emr_gateway.jwks.refresh_failures",
            "Fetches of an issuer's keys that failed.",
            lambda: [(each.keys.failures, {"issuer": each.name}) for each in issuers],
            only_grows=True,
        )

    def _unverified(self, token: str) -> tuple[Mapping[str, Any], Issuer]:
        """A token's header, and the issuer that it says it is of."""
        try:
            parts = jwt.decode_complete(token, options={"verify_signature": False})
            said = parts["payload"].get("iss")
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes make PyJWT raise
            raise Unproven(Reason.MALFORMED_TOKEN, type(error).__name__) from None
        issuer = self._issuers.get(said) if isinstance(said, str) else None
        if issuer is None:
            raise Unproven(Reason.UNKNOWN_ISSUER, f"a token of {shown(said)}")
        return parts["header"], issuer

    def _keep(self, digest: bytes, proof: Proof, caller: Caller) -> None:
        """Remember it in place of the one that has been here longest, where there is no room."""
        with self._lock:
            self._known.pop(digest, None)
            while len(self._known) >= MOST_KEPT:
                del self._known[next(iter(self._known))]
            self._known[digest] = (proof, caller)


def _token(authorization: Sequence[str]) -> str:
    """The one token of a call; two are refused, since others may read the other one."""
    if not authorization:
        raise Unproven(Reason.NO_TOKEN)
    if len(authorization) > 1:
        raise Unproven(Reason.SEVERAL_TOKENS)
    if len(authorization[0]) > MOST_TOKEN_BYTES:
        raise Unproven(Reason.OVERSIZE_TOKEN, f"{len(authorization[0])} bytes, of at most {MOST_TOKEN_BYTES}")
    match = _BEARER.fullmatch(authorization[0])
    if match is None:
        raise Unproven(Reason.MALFORMED_TOKEN, "it is not Bearer and a signed JWT")
    return match[1]
