"""Tokens of a real OpenID provider (oidc-provider): `make issuer` sets it up and runs these."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.server.gateways import PATIENCE_SECONDS
from tests.server.statuses import refused

from .doors import Doors, asked, issuer, open_doors

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

pytestmark = pytest.mark.skipif(
    not (HERE / "node_modules" / ".installed").exists(), reason="make issuer sets the provider up"
)


@contextlib.contextmanager
def _provider(port: int, kid: str, algorithm: str) -> Iterator[str]:
    """A provider that answers; its issuer."""
    node = os.environ.get("NODE") or shutil.which("node")
    assert node, "make issuer says where node is"
    process = subprocess.Popen(
        [node, HERE / "provider.mjs", str(port), kid, algorithm],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=HERE,
        start_new_session=True,  # the wheel's node is a script that starts the real one
    )
    try:
        while process.stdout is not None and (line := process.stdout.readline()) and "listening" not in line:
            pass
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _token(url: str, audience: str = "emr-gateway") -> str:
    """A token for the client `etl`, as a service would ask for one."""
    form = {
        "grant_type": "client_credentials",
        "client_id": "etl",
        "client_secret": "secret",
        "resource": f"https://example.com/{audience}",
    }
    data = urllib.parse.urlencode(form).encode()
    with _OPENER.open(f"{url}/token", data, timeout=PATIENCE_SECONDS) as reply:
        return cast("str", json.load(reply)["access_token"])


def _call(doors: Doors, token: str) -> str:
    with doors.channel() as channel:
        return asked(channel, token=token)


def _is_served(doors: Doors, token: str) -> bool:
    with contextlib.suppress(Exception):
        return _call(doors, token) == "etl"
    return False


def _wait_served(doors: Doors, token: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not _is_served(doors, token):
        assert time.monotonic() < end, doors.gateway.log()
        time.sleep(0.1)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_real_issuer(algorithm: str, tmp_path: Path) -> None:
    """Its tokens are served, also while it is down; when it is back with another key, the old key's are no more."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    keys = issuer(issuer=url, jwks_url=f"{url}/jwks", algorithms=[algorithm], jwks_refresh_seconds=0.5)
    with contextlib.ExitStack() as stack:
        with _provider(port, "first", algorithm):
            doors = stack.enter_context(open_doors(tmp_path / "doors", [keys]))
            first = _token(url)
            assert _call(doors, first) == "etl"
            other = _token(url, "billing")
            assert refused(lambda: _call(doors, other)).code == "UNAUTHENTICATED"
            unseen = _token(url)
        time.sleep(1)
        assert (_call(doors, first), _call(doors, unseen)) == ("etl", "etl")
        with _provider(port, "second", algorithm):
            second = _token(url)
            _wait_served(doors, second)
            assert refused(lambda: _call(doors, first)).code == "UNAUTHENTICATED"
        with _provider(port, "second", algorithm):  # another key under the name of the last one
            third = _token(url)
            _wait_served(doors, third)
            assert refused(lambda: _call(doors, second)).code == "UNAUTHENTICATED"
    log = doors.gateway.log()
    assert "unauthenticated (audience)" in log
    assert "unauthenticated (unknown_key)" in log
    assert "unauthenticated (signature)" in log
