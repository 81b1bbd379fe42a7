"""The tokens of one issuer (RFC 7519): signature, issuer, audience, times, and the caller's id out of the claims."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from emrgateway_server.caller import ID_PATTERN
from emrgateway_server.claims import CallerId, UnusableClaim
from emrgateway_server.identity.jwks import KeyStore
from emrgateway_server.identity.keyset import Key
from emrgateway_server.identity.unproven import Reason, Unproven, shown

_ID = re.compile(ID_PATTERN)
# The signature, and that no critical header is there which it does not know (RFC 7515 §4.1.11). The claims are compared
# here, where types that no claim should have are refused.
_JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a token proves, until when, and by which key."""

    caller_id: str
    expires: float
    key: Key
    kid: str
    algorithm: str
    issuer: Issuer

    def holds(self) -> bool:
        """Whether it holds now: the token has not expired, and the issuer has not taken its key back."""
        return self.issuer.now() < self.expires and self.issuer.keys.holds(self.key, self.kid, self.algorithm)


class Issuer:
    """Verifies the tokens of one issuer. `keys` is where its keys are."""

    def __init__(
        self,
        name: str,
        *,
        audience: str,
        algorithms: Collection[str],
        caller_id: CallerId,
        leeway_seconds: float,
        keys: KeyStore,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.keys = keys
        self.now = now
        self._audience = audience
        self._algorithms = frozenset(algorithms)
        self._caller_id = caller_id
        self._leeway_seconds = leeway_seconds

    def proof(self, token: str, header: Mapping[str, Any]) -> Proof:
        """What a token proves; `header` is its own, unverified. `Unproven` where it proves nothing."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise Unproven(Reason.ALGORITHM, self._said(f"algorithm {shown(algorithm)}"))
        if not isinstance(kid, str):
            raise Unproven(Reason.UNKNOWN_KEY, self._said("no key id"))
        key = self.keys.key(kid, algorithm)
        claims = self._verified(token, key, algorithm)
        expires = self._times(claims)
        self._check_audience(claims)
        return Proof(self._id(claims), expires, key, kid, algorithm, self)

    def _verified(self, token: str, key: Key, algorithm: str) -> dict[str, Any]:
        try:
            claims = json.loads(_JWS.decode(token, key.verifier, algorithms=[algorithm]))
        except jwt.InvalidSignatureError:
            raise Unproven(Reason.SIGNATURE, self._said("bad signature")) from None
        except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes make PyJWT or OpenSSL raise
            raise Unproven(Reason.MALFORMED_TOKEN, self._said(type(error).__name__)) from None
        if not isinstance(claims, dict) or claims.get("iss") != self.name:
            raise Unproven(Reason.UNKNOWN_ISSUER, self._said("another issuer in what was signed"))
        return claims

    def _times(self, claims: Mapping[str, Any]) -> float:
        """When the token expires. A time that is no number is a token's that nobody should have signed."""
        now, leeway = self.now(), self._leeway_seconds
        times = {name: claims[name] for name in ("exp", "nbf", "iat") if claims.get(name) is not None}
        for name, value in times.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise Unproven(Reason.CLAIMS, self._said(f"{name} is no number"))
        if "exp" not in times:
            raise Unproven(Reason.CLAIMS, self._said("exp is missing"))
        if times["exp"] <= now - leeway:
            raise Unproven(Reason.EXPIRED, self._said(f"expired {now - times['exp']:.0f} s ago"))
        for name in ("nbf", "iat"):
            if times.get(name, now) > now + leeway:
                raise Unproven(Reason.NOT_YET_VALID, self._said(f"{name} is in {times[name] - now:.0f} s"))
        return float(times["exp"])

    def _check_audience(self, claims: Mapping[str, Any]) -> None:
        said = claims.get("aud")
        audiences = said if isinstance(said, list) else [said]
        if self._audience not in audiences:
            first = shown(audiences[0]) if audiences else "nobody"
            raise Unproven(Reason.AUDIENCE, self._said(f"it is for {first}"))

    def _id(self, claims: Mapping[str, Any]) -> str:
        try:
            caller_id = self._caller_id.rendered(claims)
        except UnusableClaim as error:
            raise Unproven(Reason.CLAIMS, self._said(str(error))) from None
        if not _ID.fullmatch(caller_id):
            raise Unproven(Reason.CALLER_ID, self._said(shown(caller_id)))
        return caller_id

    def _said(self, what: str) -> str:
        return f"a token of issuer {self.name}: {what}"
