"""An issuer's keys and its tokens, made by hand: no library would sign what attackers send."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "https://issuer.example.com"
AUDIENCE = "emr-gateway"


class SigningKey:
    """A key pair with an id."""

    def __init__(self, kid: str, kind: str = "RSA", bits: int = 2_048) -> None:
        self.kid = kid
        self.algorithm = "RS256" if kind == "RSA" else "ES256"
        self._private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = (
            rsa.generate_private_key(65_537, bits) if kind == "RSA" else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key, as the issuer publishes it."""
        common = {"kid": self.kid, "use": "sig", "alg": self.algorithm}
        if isinstance(self._private, rsa.RSAPrivateKey):
            public = self._private.public_key().public_numbers()
            return {**common, "kty": "RSA", "n": _number(public.n), "e": _number(public.e)}
        point = self._private.public_key().public_numbers()
        return {**common, "kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}

    @property
    def public_pem(self) -> bytes:
        """The public key as a file holds it: what HS256 would take for a secret."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, data: bytes) -> bytes:
        """A signature by the key's algorithm."""
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        numbers = decode_dss_signature(self._private.sign(data, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in numbers)


def claims(**changes: object) -> dict[str, object]:
    """Those of a good token. Times are seconds from now, unless they are texts; None takes a claim away."""
    now = time.time()
    said: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "etl",
        "iat": -1,
        "nbf": -1,
        "exp": 300,
        **changes,
    }
    return {
        name: int(now + value) if name in ("iat", "nbf", "exp") and type(value) is int else value
        for name, value in said.items()
        if value is not None
    }


def token(key: SigningKey, said: object, *, header: dict[str, object] | None = None, by: str = "key") -> str:
    """A token; `by` is "key", "nobody" (no signature), or "public key" (HMAC by it)."""
    merged = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT", **(header or {})}
    kept = {name: value for name, value in merged.items() if value is not None}
    signed = f"{_encoded(json.dumps(kept).encode())}.{_encoded(json.dumps(said).encode())}"
    if by == "nobody":
        return f"{signed}."
    if by == "public key":
        return f"{signed}.{_encoded(hmac.new(key.public_pem, signed.encode(), hashlib.sha256).digest())}"
    return f"{signed}.{_encoded(key.sign(signed.encode()))}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int, length: int | None = None) -> str:
    return _encoded(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))
