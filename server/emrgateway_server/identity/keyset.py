"""A JSON Web Key Set (RFC 7517) → the public keys that may verify tokens, by their ids."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import jwt

MOST_KEYS = 256
MOST_KID_CHARACTERS = 256
LEAST_RSA_BITS = 2_048  # RFC 7518 §3.3
# Which of the algorithms go with which type of key; none is symmetric: a public key is no secret.
_FITTING = {
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key for one algorithm. Two are the same one where they are the same object."""

    jwk: Mapping[str, object]
    verifier: jwt.PyJWK


Keys: TypeAlias = dict[tuple[str, str], Key]


def parse(data: bytes, algorithms: Collection[str], known: Keys) -> Keys:
    """The usable keys of a set by (kid, algorithm); ValueError where it is no set of keys.

    Keys of other types, uses or algorithms are left out, and so are those without an id: no token could name them.
    One that stays as it was stays the same object.
    """
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError("no JSON") from error
    entries = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(entries, list):
        raise ValueError("no JSON Web Key Set: it has no list of keys")  # noqa: TRY004 - a file's mistake
    if len(entries) > MOST_KEYS:
        raise ValueError(f"more than {MOST_KEYS} keys")
    keys: Keys = {}
    for entry in entries:
        if isinstance(entry, dict) and _is_for_signatures(entry):
            for algorithm in _algorithms(entry, algorithms):
                place = (entry["kid"], algorithm)
                before = known.get(place)
                key = before if before is not None and before.jwk == entry else _key(entry, algorithm)
                if key is not None:
                    keys.setdefault(place, key)
    return keys


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    kid, operations = entry.get("kid"), entry.get("key_ops", ["verify"])
    return (
        isinstance(kid, str)
        and 0 < len(kid) <= MOST_KID_CHARACTERS
        and entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
    )


def _algorithms(entry: Mapping[str, Any], allowed: Collection[str]) -> list[str]:
    kind, curve = entry.get("kty"), entry.get("crv") if entry.get("kty") != "RSA" else None
    fitting = _FITTING.get((str(kind), None if curve is None else str(curve)), ())
    return [name for name in fitting if name in allowed and entry.get("alg", name) == name]


def _key(entry: dict[str, Any], algorithm: str) -> Key | None:
    # Of a private key, which does not belong there, the public part alone.
    public = {name: value for name, value in entry.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    try:
        verifier = jwt.PyJWK(public, algorithm)
    except Exception:  # noqa: BLE001 - whatever a bad key makes PyJWT or OpenSSL raise: it is no key
        return None
    bits = getattr(verifier.key, "key_size", None)
    return None if entry["kty"] == "RSA" and (bits is None or bits < LEAST_RSA_BITS) else Key(entry, verifier)
