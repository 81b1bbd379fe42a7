"""Whom the gateway takes callers for, and what those hear who are nobody: `attacks.yaml`, over real connections."""

from __future__ import annotations

import base64
import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.server.statuses import refused

from .authority import Authority, Pair
from .doors import CLUSTER, Doors, issuer, open_doors
from .key_server import KeyServer
from .metrics import samples
from .tokens import SigningKey, claims, token

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("attacks.yaml").read_text(encoding="utf-8"))
REFUSAL = "no identity that this port accepts: the gateway's operators find the reason in its log"
_POD = 'spiffe://prod.example.com/ns/${claims["kubernetes.io"].namespace}/sa/${claims["kubernetes.io"].serviceaccount.name}'
_OTHER = Authority("other")
_KEYS = {
    "main": SigningKey("main"),
    "curve": SigningKey("curve", "EC"),
    "short": SigningKey("short", bits=1_024),
    "encryption": SigningKey("encryption"),
    "unpublished": SigningKey("unpublished"),
    "cluster": SigningKey("cluster", "EC"),
}


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One gateway for all of the table: an issuer with a URL, and a cluster whose keys are in a file."""
    folder = tmp_path_factory.mktemp("attacks")
    published = [_KEYS[name].jwk for name in ("main", "curve", "short")]
    server = KeyServer([*published, {**_KEYS["encryption"].jwk, "use": "enc"}, {"kty": "oct", "kid": "s", "k": "AAAA"}])
    keys = folder / "jwks.json"
    keys.write_text(json.dumps({"keys": [_KEYS["cluster"].jwk]}), encoding="utf-8")
    issuers = [
        issuer(jwks_url=server.url, leeway_seconds=10),
        issuer(issuer=CLUSTER, jwks_file=str(keys), caller=_POD, algorithms=["ES256"]),
    ]
    with open_doors(folder / "doors", issuers) as running:
        yield running
    server.close()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_who_is_served_and_who_is_nobody(case: dict[str, Any], doors: Doors) -> None:
    """A caller is who it proves to be, and every other hears one text; the log and the metric have the reason."""
    want, text = case["want"], _token(case)
    metadata = [(key, value.replace("{token}", text)) for key, value in case.get("metadata", ())]
    if "token" in case and "metadata" not in case:
        metadata.append(("authorization", f"Bearer {text}"))
    pair = _pair(case, doors)

    def call() -> str:
        return doors.caller(mtls=case["port"] == "mtls", pair=pair, metadata=metadata)

    if isinstance(want, str) and want != "unreachable":
        assert call() == want
        return
    before = _counted(doors)
    answer = refused(call)
    if want == "unreachable":
        assert (answer.code, answer.reason) == ("UNAVAILABLE", "")
        assert _counted(doors) == before
        return
    assert (answer.code, answer.reason, answer.message) == ("UNAUTHENTICATED", "UNAUTHENTICATED", REFUSAL)
    assert (set(answer.details), answer.metadata) == ({"ErrorInfo"}, {})
    after = _counted(doors)
    assert {name: count - before[name] for name, count in after.items() if count != before[name]} == {want["reason"]: 1}


def test_every_reason_is_in_the_log_and_no_token_is(doors: Doors) -> None:
    """One line a refusal, up to a bound; it holds reason, address and what was said of the issuer, but no secret."""
    for number in range(50):
        text = token(_KEYS["unpublished"], claims(), header={"kid": f"\x1b[2Jkid\n{number}" * 99})
        metadata = [("authorization", f"Bearer {text}")]
        assert refused(partial(doors.caller, metadata=metadata)).message == REFUSAL
    log = doors.gateway.log()
    lines = [line for line in log.splitlines() if "unauthenticated (" in line]
    assert all(
        re.search(r"unauthenticated \([a-z_]+\) from ipv4:127\.0\.0\.1:[0-9]+(: [ -~…]{1,400})?$", line)
        for line in lines
    )
    assert sum("(unknown_key)" in line for line in lines) <= 22
    assert not re.search(r"eyJ[A-Za-z0-9_-]{10}", log)
    assert "\x1b" not in log
    # gRPC's own lines begin with a letter and the date.
    assert all(re.match(r"[0-9]{4}-|[IWE][0-9]{4} ", line) for line in log.splitlines())


def _pair(case: dict[str, Any], doors: Doors) -> Pair | None:
    said = case.get("certificate")
    if said is None:
        return None
    by, usage = said.get("by", "trusted"), said.get("usage", "client")
    root = {"trusted": doors.authority, "other": _OTHER, "nobody": Authority("workload")}[by]
    usages = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
    kept = {name: value for name, value in said.items() if name not in ("by", "usage")}
    return root.workload(**kept, usage=usages[usage])


def _token(case: dict[str, Any]) -> str:
    said = case.get("token") or {}
    text: str | None = said.get("text")
    if text == "nested":
        return f"{base64.urlsafe_b64encode(b'[' * 5_000).rstrip(b'=').decode()}.e30.AAAA"
    if text is not None:
        return text
    changes = dict(said.get("claims", {}))
    if changes.get("padding") == "large":
        changes["padding"] = "x" * 5_200
    key = _KEYS[said.get("key", "main")]
    return token(key, claims(**changes), header=said.get("header"), by=said.get("by", "key"))


def _counted(doors: Doors) -> dict[str, float]:
    """The metric by reason."""
    found = samples(doors.metrics, "emr_gateway_unauthenticated_total")
    return {dict(labels)["reason"]: count for labels, count in found.items()}
