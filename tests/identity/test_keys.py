"""An issuer's keys: taken, kept and dropped beside the calls, whatever the issuer does."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.gateways import PATIENCE_SECONDS
from tests.server.statuses import refused

from .doors import Doors, asked, issuer, open_doors
from .key_server import KeyServer
from .metrics import samples
from .tokens import SigningKey, claims, token

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_OLD, _NEW = SigningKey("old", "EC"), SigningKey("new", "EC")
_QUICK = {"jwks_refresh_seconds": 0.2}


def _reason(doors: Doors, text: str) -> str:
    """Why a token is refused, by the metric; empty where it is served."""
    before = samples(doors.metrics, "emr_gateway_unauthenticated_total")
    with doors.channel() as channel:
        try:
            asked(channel, token=text)
        except Exception:  # noqa: BLE001 - a call's failure; the metric says which
            after = samples(doors.metrics, "emr_gateway_unauthenticated_total")
            (changed,) = [labels for labels, count in after.items() if count != before[labels]]
            return dict(changed)["reason"]
    return ""


def _becomes(want: str, look: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while (found := look()) != want:
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_an_issuer_that_is_down_and_comes_back(tmp_path: Path) -> None:
    """Its last keys are served for as long as is configured, and no longer; then, when it is back, they are again."""
    server = KeyServer([_OLD.jwk])
    stale = {**_QUICK, "jwks_max_stale_seconds": 2}
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url, **stale)]) as doors:
        text = token(_OLD, claims())
        assert _reason(doors, text) == ""
        server.behave(503, b"")
        began = time.monotonic()
        time.sleep(0.7)
        assert samples(doors.metrics, "emr_gateway_jwks_refresh_failures_total")[_ISSUER] >= 2
        assert _reason(doors, text) == ""  # the one that was seen, and another one
        assert _reason(doors, token(_OLD, claims())) == ""
        _becomes("keys_stale", lambda: _reason(doors, text))
        assert 1.5 < time.monotonic() - began < 6
        assert _reason(doors, token(_OLD, claims())) == "keys_stale"
        server.publish([_OLD.jwk])
        _becomes("", lambda: _reason(doors, text))
    log = doors.gateway.log()
    assert log.count("/keys answered 503") == 1


def test_a_key_that_is_rotated_and_one_that_is_taken_back(tmp_path: Path) -> None:
    """A new key counts as soon as it is published; a removed one no longer, nor what was verified by it before."""
    server = KeyServer([_OLD.jwk])
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url, **_QUICK)]) as doors:
        old, new = token(_OLD, claims()), token(_NEW, claims())
        assert (_reason(doors, old), _reason(doors, new)) == ("", "unknown_key")
        server.publish([_OLD.jwk, _NEW.jwk])
        _becomes("", lambda: _reason(doors, new))
        assert _reason(doors, old) == ""
        server.publish([_NEW.jwk])
        _becomes("unknown_key", lambda: _reason(doors, old))
        assert _reason(doors, new) == ""
        server.publish([{**_OLD.jwk, "kid": "new"}])  # another key under a known name
        _becomes("signature", lambda: _reason(doors, new))
        server.publish([])
        _becomes("unknown_key", lambda: _reason(doors, new))


def test_a_flood_of_unknown_keys_does_not_reach_the_issuer(tmp_path: Path) -> None:
    """Whatever many ask for keys that are not there, one early fetch in five seconds is all that the issuer sees."""
    server = KeyServer([_OLD.jwk])
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url)]) as doors:
        began = time.monotonic()
        with doors.channel() as channel:
            for number in range(500):
                text = token(_NEW, claims(), header={"kid": f"flood-{number}"})
                assert refused(lambda text=text: asked(channel, token=text)).code == "UNAUTHENTICATED"  # type: ignore[misc] # a default argument
            assert server.asked <= 1 + (time.monotonic() - began) // 5 + 1
            server.publish([_NEW.jwk])
            _becomes("", lambda: _reason(doors, token(_NEW, claims())))
        assert server.asked <= 1 + (time.monotonic() - began) // 5 + 1
        assert time.monotonic() - began < 20


_BAD: dict[str, dict[str, Any]] = {
    "no JSON": {"status": 200, "body": b"<html>"},
    "it has no list of keys": {"status": 200, "body": b'{"keys": {}}'},
    "no JSON Web Key Set": {"status": 200, "body": b"[]"},
    "answered 500": {"status": 500, "body": b"{}"},
    "answered 302": {"status": 302, "body": b"", "location": "http://127.0.0.1:9/keys"},
    "more than 524288 bytes": {"status": 200, "body": b"[" * 1_024, "times": 1_024},
    "libcurl's error 28": {"status": 200, "body": b" " * 1_000, "seconds_per_byte": 0.1},
}


@pytest.mark.parametrize("words", _BAD, ids=[words.replace(" ", "-") for words in _BAD])
def test_what_is_no_key_set_changes_nothing(words: str, tmp_path: Path) -> None:
    """The last keys stay, the failure is counted and told, and no call waits for an issuer that drips."""
    server = KeyServer([_OLD.jwk])
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url, **_QUICK)]) as doors:
        server.behave(**_BAD[words])
        end = time.monotonic() + PATIENCE_SECONDS
        with doors.channel() as channel:
            asked(channel, token=token(_OLD, claims()))
            while words not in doors.gateway.log():
                assert time.monotonic() < end, doors.gateway.log()
                began = time.monotonic()
                assert asked(channel, token=token(_OLD, claims())) == "etl"
                assert refused(lambda: asked(channel, token=token(_NEW, claims()))).code == "UNAUTHENTICATED"
                assert time.monotonic() - began < 2
        assert samples(doors.metrics, "emr_gateway_jwks_refresh_failures_total")[_ISSUER] >= 1


def test_an_issuer_that_is_not_there_at_the_start(tmp_path: Path) -> None:
    """The gateway serves all the same, its callers are nobody, and they are somebody when the issuer is there."""
    server = KeyServer([_OLD.jwk])
    server.behave(503, b"")
    with closing(server), open_doors(tmp_path / "doors", [issuer(jwks_url=server.url, **_QUICK)]) as doors:
        text = token(_OLD, claims())
        assert _reason(doors, text) == "keys_unavailable"
        assert _ISSUER not in samples(doors.metrics, "emr_gateway_jwks_age_seconds")
        server.publish([_OLD.jwk])
        _becomes("", lambda: _reason(doors, text))
        assert 0 <= samples(doors.metrics, "emr_gateway_jwks_age_seconds")[_ISSUER] < PATIENCE_SECONDS


def test_a_file_of_keys_that_changes(tmp_path: Path) -> None:
    """It is looked at again and again; one that cannot be read leaves the last keys."""
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [_OLD.jwk]}), encoding="utf-8")
    with open_doors(tmp_path / "doors", [issuer(jwks_file=str(file), **_QUICK)]) as doors:
        assert (_reason(doors, token(_OLD, claims())), _reason(doors, token(_NEW, claims()))) == ("", "unknown_key")
        file.write_text(json.dumps({"keys": [_NEW.jwk]}), encoding="utf-8")
        _becomes("", lambda: _reason(doors, token(_NEW, claims())))
        assert _reason(doors, token(_OLD, claims())) == "unknown_key"
        file.unlink()
        _becomes(
            "1", lambda: str(min(1, int(samples(doors.metrics, "emr_gateway_jwks_refresh_failures_total")[_ISSUER])))
        )
        assert _reason(doors, token(_NEW, claims())) == ""


_ISSUER = frozenset({("issuer", "https://issuer.example.com")})
