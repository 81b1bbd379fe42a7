"""A running gateway whose policy changes: the last good one serves on, a good one is in force soon, no call notices."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emrgateway_server.policy import load_directory

from .directories import ConfigMap, PlainFiles
from .gateways import ALLOW_ALL, PATIENCE_SECONDS
from .jobs import job
from .test_services import fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve
    from .gateways import Gateway

_BAD = sorted(Path(__file__).parents[1].joinpath("policy", "bad").glob("*.yaml"))[::4]
_WANT = "# want: "
_RELOADS = 200
_CALLERS = 3
_QUICK = {"reload_seconds": 0.05}


def _version(name: str) -> dict[str, str]:
    """A policy of three files, two of which put `name` on a job, so that a mixture of two versions shows."""
    rule = "apiVersion: emrgateway/v1\nkind: Policy\nmetadata: {name: %s}\nrules:\n  - {id: a, field: %s, set: %s}\n"
    return {
        "a.yaml": rule % ("a", "name", name),
        "grants.yaml": ALLOW_ALL,
        "z.yaml": rule % ("z", "tags.version", name),
    }


_ONE, _TWO = _version("one"), _version("two")


def _digest(folder: Path, files: dict[str, str]) -> str:
    return load_directory(PlainFiles(folder, files).path).digest


def _in_force(gateway: Gateway) -> tuple[str, str, str]:
    """The digest and the two changes of one judgement."""
    reply = gateway.start(job(validate_only=True))
    return reply.decision.policy_digest, reply.effective_request.name, reply.effective_request.tags["version"]


def _metrics(gateway: Gateway, address: str) -> dict[str, float]:
    """What /metrics says of policy."""
    text = fetched(address, "/metrics")[2]
    found = re.findall(r"^emr_gateway_policy_(\S+) (\S+)$", text, re.MULTILINE)
    assert gateway.is_serving()
    return {name: float(value) for name, value in found}


def _wait(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_broken_files(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """Beside any of them the last good policy serves on, and log and metrics say why; then comes a good one."""
    directory = ConfigMap(tmp_path / "policy", _ONE)
    sections = {"policy": {"directory": str(directory.path), **_QUICK}, "metrics": "127.0.0.1:0"}
    gateway = serve(sandbox.url, sections=sections)
    address = gateway.metrics
    good = (_digest(tmp_path / "one", _ONE), "one", "one")
    wanted = []
    for number, file in enumerate(_BAD, start=1):
        text = file.read_text(encoding="utf-8")
        directory.put({**_TWO, file.name: text})
        _wait(lambda number=number: _metrics(gateway, address)["reload_failures_total"] == number)  # type: ignore[misc] # a default argument
        metrics = _metrics(gateway, address)
        assert metrics[f'info{{digest="{good[0]}"}}'] == 1
        assert metrics["last_load_successful"] == 0
        assert _in_force(gateway) == good
        wanted += [f"{file.name}:{line.removeprefix(_WANT)}" for line in text.splitlines() if line.startswith(_WANT)]
    before = _metrics(gateway, address)["age_seconds"]
    directory.put(_TWO)
    _wait(lambda: _metrics(gateway, address)["last_load_successful"])
    metrics = _metrics(gateway, address)
    assert metrics["age_seconds"] < before
    assert metrics["reload_failures_total"] == len(_BAD) >= 20
    assert _in_force(gateway)[1:] == ("two", "two")
    told = gateway.stop().stderr
    assert f" policy {good[0]} from {directory.path}\n" in told
    told = told.replace(f"{directory.path}/", "")
    for line in wanted:
        assert told.count(f" {line}\n") == 1, line


@pytest.mark.parametrize("kind", [ConfigMap, PlainFiles])
def test_a_good_policy_is_in_force_within_two_seconds(
    kind: type[ConfigMap | PlainFiles], sandbox: Sandbox, serve: Serve, tmp_path: Path
) -> None:
    """With the interval that is the default, at any moment of it."""
    directory = kind(tmp_path / "policy", _ONE)
    gateway = serve(sandbox.url, sections={"policy": {"directory": str(directory.path)}})
    took = []
    for files in (_TWO, _ONE, _TWO):
        name = "two" if files is _TWO else "one"
        directory.put(files)
        began = time.monotonic()
        _wait(lambda name=name: _in_force(gateway)[1:] == (name, name))  # type: ignore[misc] # a default argument
        took.append(time.monotonic() - began)
        assert gateway.describe().policy_digest == load_directory(directory.path).digest
    assert max(took) < 2


def test_no_call_fails_while_policy_changes(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """200 reloads between two policies, each seen by calls: none fails, and each is judged by one of the two, whole."""
    directory = ConfigMap(tmp_path / "policy", _ONE)
    gateway = serve(sandbox.url, sections={"policy": {"directory": str(directory.path), **_QUICK}})
    wholes = {
        (_digest(tmp_path / "one", _ONE), "one", "one"),
        (_digest(tmp_path / "two", _TWO), "two", "two"),
    }
    seen: list[tuple[str, str, str]] = []
    is_done = threading.Event()

    def _call() -> None:
        while not is_done.is_set():
            seen.append(_in_force(gateway))

    def _start() -> None:
        while not is_done.is_set():
            digest = gateway.start(job()).decision.policy_digest
            assert digest in {whole[0] for whole in wholes}

    with ThreadPoolExecutor(_CALLERS + 1) as callers:
        calling = [callers.submit(_call) for _ in range(_CALLERS)] + [callers.submit(_start)]
        try:
            for number in range(_RELOADS):
                name, files = ("one", _ONE) if number % 2 else ("two", _TWO)
                directory.put(files)
                # Asked after the change, so that it is no late answer of the round before.
                _wait(lambda name=name: _in_force(gateway)[1] == name)  # type: ignore[misc] # a default argument
        finally:
            is_done.set()
        for call in calling:
            call.result(PATIENCE_SECONDS)
    assert set(seen) == wholes
    assert len(seen) > _RELOADS
    told = gateway.stop().stderr
    assert len(re.findall(r" policy sha256:[0-9a-f]{64} from ", told)) == 1 + _RELOADS
    assert "ERROR" not in told
