"""The Python clients and the commands through both doors, while what they prove themselves by is replaced."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from emrgateway_client import Client, Unauthenticated
from emrgateway_client.aio import AsyncClient
from emrgateway_sandbox import Sandbox
from tests.server.gateways import PATIENCE_SECONDS, surroundings

from .doors import TRUST_DOMAIN, Doors, issuer, open_doors
from .key_server import KeyServer
from .tokens import SigningKey, claims, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_KEY = SigningKey("main", "EC")
_ID = f"spiffe://{TRUST_DOMAIN}/ns/data/sa"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """One gateway for these tests; its connections live for a second."""
    server = KeyServer([_KEY.jwk])
    limits = {"max_connection_age_seconds": 1, "drain_pause_seconds": 0}
    folder = tmp_path_factory.mktemp("clients") / "doors"
    with (
        closing(server),
        Sandbox() as sandbox,
        open_doors(folder, [issuer(jwks_url=server.url)], endpoint=sandbox.url, limits=limits) as running,
    ):
        yield running


def _trust(doors: Doors, folder: Path) -> str:
    (folder / "ca.crt").write_bytes(doors.authority.pem)
    return str(folder / "ca.crt")


def _identity(doors: Doors, folder: Path, name: str, seconds: float = 3_600) -> dict[str, str]:
    """A workload's files, replaced where they are there."""
    files = doors.authority.workload([f"{_ID}/{name}"], seconds=seconds).write(folder, "client")
    return {"cert": files["certificate"], "key": files["key"]}


def test_a_client_whose_certificate_is_replaced(doors: Doors, tmp_path: Path) -> None:
    """It is the new one from the next call on, over a certificate that has expired, and half a pair is left alone."""
    files = _identity(doors, tmp_path, "one", seconds=2)
    with Client(doors.gateway.target, ca=_trust(doors, tmp_path), cert=files["cert"], key=files["key"]) as client:
        assert client.describe_policy().caller.id == f"{_ID}/one"
        time.sleep(2.5)
        (tmp_path / "client.crt").write_bytes(doors.authority.workload([f"{_ID}/half"]).certificate)
        _identity(doors, tmp_path, "two")
        assert client.describe_policy().caller.id == f"{_ID}/two"
        (tmp_path / "client.crt").write_bytes(b"")
        assert client.describe_policy().caller.id == f"{_ID}/two"
        _identity(doors, tmp_path, "three")
        assert client.describe_policy().caller.id == f"{_ID}/three"


def test_the_client_of_an_event_loop(doors: Doors, tmp_path: Path) -> None:
    """The same there."""

    async def called() -> list[str]:
        files, ca, found = _identity(doors, tmp_path, "one"), _trust(doors, tmp_path), []
        async with AsyncClient(doors.gateway.target, ca=ca, cert=files["cert"], key=files["key"]) as client:
            for name in ("two", "three"):
                found.append((await client.describe_policy()).caller.id)
                _identity(doors, tmp_path, name)
            return [*found, (await client.describe_policy()).caller.id]

    assert asyncio.run(called()) == [f"{_ID}/{name}" for name in ("one", "two", "three")]


def test_a_token_file_that_is_replaced(doors: Doors, tmp_path: Path) -> None:
    """It is read for each call, as Kubernetes replaces it; a token that has expired is refused, and says no more."""
    file = tmp_path / "token"
    with Client(doors.token_target, ca=_trust(doors, tmp_path), token_file=str(file)) as client:
        for name in ("one", "two"):
            file.write_text(token(_KEY, claims(sub=name)) + "\n", encoding="utf-8")
            assert client.describe_policy().caller.id == name
        file.write_text(token(_KEY, claims(exp=-600)), encoding="utf-8")
        with pytest.raises(Unauthenticated):
            client.describe_policy()


@pytest.mark.parametrize("mtls", [True, False], ids=["certificate", "token"])
def test_the_commands(doors: Doors, tmp_path: Path, *, mtls: bool) -> None:
    """`--ca --cert --key` and `--ca --token-file` get past identity; without them a caller is nobody."""
    trust = ["--ca", _trust(doors, tmp_path)]
    if mtls:
        files = _identity(doors, tmp_path, "one")
        identity, target = ["--cert", files["cert"], "--key", files["key"]], doors.gateway.target
    else:
        (tmp_path / "token").write_text(token(_KEY, claims()), encoding="utf-8")
        identity, target = ["--token-file", str(tmp_path / "token")], doors.token_target
    nobody = {True: ("", 3), False: ("UNAUTHENTICATED", 1)}[mtls]  # TLS itself lets nobody in without a certificate
    for proofs, wanted in ((identity, ("NOT_FOUND", 1)), ([], nobody)):
        command = [sys.executable, "-m", "emrgateway_server", "job", "get", "00f1qr8s3v6pd409", "00f1qr8s3v6pd409"]
        ended = subprocess.run(
            [*command, "--target", target, *trust, *proofs, "--timeout", "5", "-o", "json"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS,
            env=surroundings(),
        )
        assert (json.loads(ended.stderr)["reason"], ended.returncode) == wanted, ended.stderr
