"""Certificates that change while the gateway serves, and those that are no good."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import grpc
import pycurl
import pytest

from tests.server.gateways import PATIENCE_SECONDS
from tests.server.statuses import refused

from .authority import Authority, Pair
from .doors import OPTIONS, Doors, asked, issuer, open_doors
from .key_server import KeyServer
from .metrics import samples
from .tokens import SigningKey, claims, token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ID = "spiffe://prod.example.com/ns/data/sa/etl"
_ENDS, _GOOD, _FAILED = (
    f"emr_gateway_certificate_{name}" for name in ("not_after_seconds", "last_load_successful", "reload_failures_total")
)
_NO_LABELS: frozenset[tuple[str, str]] = frozenset()
_HOUR = 3_600
_KEY = SigningKey("main", "EC")


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    """A gateway of a test's own."""
    server = KeyServer([_KEY.jwk])
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url)]) as running:
        yield running


def _wait(look: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def _ends(doors: Doors, kind: str = "certificate") -> float:
    return samples(doors.metrics, _ENDS)[frozenset({("kind", kind)})] - time.time()


def test_a_new_certificate_is_served_and_no_connection_drops(doors: Doors) -> None:
    """New connections meet it on both ports, old ones go on; the metric has its end."""
    assert _HOUR - 60 < _ends(doors) <= _HOUR
    pair = doors.authority.workload([_ID])
    others = Authority("next")
    both = (doors.channel(mtls=True, pair=pair), doors.channel())
    assert [asked(both[0]), asked(both[1], token=token(_KEY, claims()))] == [_ID, "etl"]
    others.server(2 * _HOUR).write(doors.folder)
    _wait(lambda: _ends(doors) > _HOUR)
    assert _HOUR < _ends(doors) <= 2 * _HOUR
    assert [asked(both[0]), asked(both[1], token=token(_KEY, claims()))] == [_ID, "etl"]
    for channel in both:
        channel.close()
    for mtls in (True, False):
        assert refused(lambda mtls=mtls: doors.caller(mtls=mtls, pair=pair)).code == "UNAVAILABLE"  # type: ignore[misc] # a default argument
        credentials = grpc.ssl_channel_credentials(others.pem, pair.key, pair.certificate)
        target = doors.gateway.target if mtls else doors.token_target
        with grpc.secure_channel(target, credentials, OPTIONS) as channel:
            assert asked(channel, token=token(_KEY, claims())) == (_ID if mtls else "etl")


def test_a_new_bundle_of_clients(doors: Doors) -> None:
    """Callers of a new authority come in, and those of one that was taken away do not."""
    others = Authority("next")
    theirs, ours = others.workload([_ID]), doors.authority.workload([_ID])
    assert refused(lambda: doors.caller(mtls=True, pair=theirs)).code == "UNAVAILABLE"
    (doors.folder / "ca.crt").write_bytes(doors.authority.pem + others.pem)
    _wait(lambda: _answers(doors, theirs))
    assert doors.caller(mtls=True, pair=ours) == _ID
    files = ours.write(doors.folder, "client")
    with closing(pycurl.Curl()) as handle:
        assert [_curled(doors, handle, files) for _ in range(2)] == ["0", "0"]
        (doors.folder / "ca.crt").write_bytes(others.pem)
        _wait(lambda: not _answers(doors, ours))
        with pytest.raises(pycurl.error):  # a session of before is none any more
            _curled(doors, handle, files)
    assert doors.caller(mtls=True, pair=theirs) == _ID
    assert samples(doors.metrics, _FAILED)[_NO_LABELS] == 0


def test_files_that_are_no_pair_leave_the_last_one(doors: Doors) -> None:
    """Each is counted and told once, and nobody notices; the next good pair is taken."""
    pair, before = doors.authority.workload([_ID]), _ends(doors)
    good = doors.authority.server(2 * _HOUR)
    bad = {
        "half": Pair(good.certificate, doors.authority.server().key),
        "text": Pair(b"no certificate", good.key),
        "none": Pair(b"", b""),
    }
    for number, files in enumerate(bad.values()):
        failed = samples(doors.metrics, _FAILED)[_NO_LABELS]
        files.write(doors.folder)
        _wait(lambda failed=failed: samples(doors.metrics, _FAILED)[_NO_LABELS] > failed)  # type: ignore[misc] # a default argument
        assert samples(doors.metrics, _GOOD)[_NO_LABELS] == 0, number
        assert abs(_ends(doors) - before) < PATIENCE_SECONDS
        assert doors.caller(mtls=True, pair=pair) == _ID
    (doors.folder / "ca.crt").write_bytes(b"no root")
    (doors.folder / "tls.key").unlink()
    good.write(doors.folder)
    _wait(lambda: "ca.crt: no certificates in PEM" in doors.gateway.log())
    (doors.folder / "ca.crt").write_bytes(doors.authority.pem)
    _wait(lambda: samples(doors.metrics, _GOOD)[_NO_LABELS] == 1)
    assert _ends(doors) > _HOUR
    assert doors.caller(mtls=True, pair=pair) == _ID
    told = [line for line in doors.gateway.log().splitlines() if "the certificates in use stay" in line]
    assert len(told) == len({line.partition(" ERROR ")[2] for line in told}) <= len(bad) + 2


def test_a_peer_whose_certificate_expires_falls_off(tmp_path: Path) -> None:
    """Its connection is served to the end of the connection's age; it makes no other one."""
    limits = {"max_connection_age_seconds": 2, "max_deadline_seconds": 1, "drain_pause_seconds": 0}
    server = KeyServer([_KEY.jwk])
    with (
        closing(server),
        open_doors(tmp_path / "doors", [issuer(jwks_url=server.url)], limits=limits) as doors,
        doors.channel(mtls=True, pair=doors.authority.workload([_ID], seconds=4)) as channel,
    ):
        began = time.monotonic()
        assert asked(channel) == _ID
        failure = ""
        while not failure:
            assert time.monotonic() - began < PATIENCE_SECONDS
            time.sleep(0.1)
            if not _is_served(channel):
                failure = refused(lambda: asked(channel)).code
        assert failure == "UNAVAILABLE"
        assert 3 < time.monotonic() - began < 4 + 2 * 1.1 + 1 + 3
        assert doors.caller(mtls=True, pair=doors.authority.workload([_ID])) == _ID


def test_a_session_that_is_taken_up_again_does_not_outlive_its_certificate(tmp_path: Path) -> None:
    """TLS asks for no certificate then; the gateway looks at the one that the session began with."""
    limits = {"max_connection_age_seconds": 1, "max_deadline_seconds": 3, "drain_pause_seconds": 0}
    server = KeyServer([_KEY.jwk])
    with (
        closing(server),
        open_doors(tmp_path / "doors", [issuer(jwks_url=server.url)], limits=limits) as doors,
        closing(pycurl.Curl()) as handle,
    ):
        files = doors.authority.workload([_ID], seconds=4).write(tmp_path, "client")
        ended = time.monotonic() + 4
        assert _curled(doors, handle, files) == "0"
        time.sleep(max(0.0, ended + 0.5 - time.monotonic()))
        assert _curled(doors, handle, files) == "0"  # which proves that a session is taken up: a handshake would fail
        time.sleep(ended + 1.1 + 3 + 0.5 - time.monotonic())
        assert _curled(doors, handle, files) == "16"  # UNAUTHENTICATED
        assert "unauthenticated (expired)" in doors.gateway.log()


@pytest.mark.parametrize(
    ("seconds", "every"), [(4, 0.5), pytest.param(20, 1, marks=pytest.mark.soak)], ids=["short", "twenty-seconds"]
)
def test_no_call_fails_while_everything_is_rotated(seconds: float, every: float, tmp_path: Path) -> None:
    """Certificate, key, bundle and signing keys change again and again under load, and connections are young."""
    limits = {"max_connection_age_seconds": 1, "drain_pause_seconds": 0}
    server = KeyServer([_KEY.jwk])
    keys = issuer(jwks_url=server.url, jwks_refresh_seconds=every / 5)
    with closing(server), open_doors(tmp_path / "doors", [keys], limits=limits) as doors:
        tokens, is_done = [token(_KEY, claims())], threading.Event()
        pairs = [doors.authority.workload([_ID])]
        with ThreadPoolExecutor(4) as callers:
            calling = [
                callers.submit(_keep_calling, doors, pairs, tokens, is_done, mtls=mtls, anew=anew)
                for mtls in (True, False)
                for anew in (True, False)
            ]
            try:
                _rotate(doors, server, pairs, tokens, seconds=seconds, every=every)
            finally:
                is_done.set()
            done = [call.result(PATIENCE_SECONDS) for call in calling]
        assert min(done) > seconds, done
        assert doors.gateway.log().count("is in use from now on") >= seconds - 1
        assert samples(doors.metrics, _FAILED)[_NO_LABELS] == 0


def _rotate(
    doors: Doors, server: KeyServer, pairs: list[Pair], tokens: list[str], *, seconds: float, every: float
) -> None:
    """Replace it all every so many seconds. A signing key is published a round before it is used, and a round after."""
    end, keys = time.monotonic() + seconds, [_KEY, _KEY]
    for number in count():
        if time.monotonic() > end:
            return
        keys = [*keys[-2:], SigningKey(f"key-{number}", "EC")]
        server.publish([key.jwk for key in keys])
        pairs[0] = doors.authority.workload([_ID])
        doors.authority.server(_HOUR + number).write(doors.folder)
        (doors.folder / "ca.crt").write_bytes(doors.authority.pem + Authority(f"other-{number}").pem)
        asked_before = server.asked
        time.sleep(every)
        _wait(lambda asked_before=asked_before: server.asked > asked_before + 1)  # type: ignore[misc] # a default argument
        tokens[0] = token(keys[-1], claims())


def _keep_calling(
    doors: Doors, pairs: list[Pair], tokens: list[str], is_done: threading.Event, *, mtls: bool, anew: bool
) -> int:
    """Call over one connection, or over a new one each time; how many calls there were. The first failure ends it."""
    calls, arguments = 0, dict[str, Any](mtls=mtls, pair=pairs[0] if mtls else None)
    with doors.channel(**arguments) as kept:
        while not is_done.is_set():
            try:
                if anew:
                    with doors.channel(mtls=mtls, pair=pairs[0] if mtls else None) as channel:
                        assert asked(channel, token="" if mtls else tokens[0])
                else:
                    assert asked(kept, token="" if mtls else tokens[0])
            except grpc.RpcError as error:
                # A call that met the end of its connection's age, which the retries of every client hide.
                if "max_age" not in cast("grpc.Call", error).details():
                    raise
            calls += 1
            time.sleep(0.01)
    return calls


def _curled(doors: Doors, handle: pycurl.Curl, files: dict[str, str]) -> str:
    """The gRPC status of a call over a new connection, which takes up the handle's last session where it can."""
    lines: list[bytes] = []
    for option, value in {
        pycurl.URL: f"https://{doors.gateway.target}/emrgateway.v1.PolicyService/DescribePolicy",
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2,
        pycurl.HTTPHEADER: ["content-type: application/grpc", "te: trailers"],
        pycurl.POSTFIELDS: b"\0\0\0\0\0",
        pycurl.CAINFO: str(doors.folder / "ca.crt"),
        pycurl.SSLCERT: files["certificate"],
        pycurl.SSLKEY: files["key"],
        pycurl.FRESH_CONNECT: 1,
        pycurl.FORBID_REUSE: 1,
        pycurl.PROXY: "",
        pycurl.TIMEOUT: PATIENCE_SECONDS,
        pycurl.WRITEFUNCTION: lambda _: None,
        pycurl.HEADERFUNCTION: lines.append,
    }.items():
        handle.setopt(option, value)
    handle.perform()
    (status,) = [line.split(b":")[1].strip().decode() for line in lines if line.lower().startswith(b"grpc-status:")]
    return status


def _answers(doors: Doors, pair: Pair) -> bool:
    with doors.channel(mtls=True, pair=pair) as channel:
        return _is_served(channel)


def _is_served(channel: grpc.Channel) -> bool:
    try:
        return bool(asked(channel))
    except grpc.RpcError:
        return False
