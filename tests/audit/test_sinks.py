"""Sinks that fail, fill up, hang, move away; gateways that are killed: no decision is lost without a word."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import resource
import signal
import threading
import time
from collections import deque
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from emrgateway_server.audit.linefile import LineFile
from emrgateway_server.audit.sink import MOST_BYTES, STUCK_SECONDS, Sink
from emrgateway_server.policytool import decisionlog
from tests.server.faulty_aws import faulty_aws
from tests.server.gateways import configuration, refused_to_start, written
from tests.server.jobs import APPLICATION, job
from tests.server.statuses import refused

from .audits import ask, audited, endings, judgements, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from emrgateway_sandbox import Sandbox
    from emrgateway_server.audit.sink import Fsync
    from tests.server.conftest import Serve
    from tests.server.gateways import Gateway

_LINE = b'{"a":"line"}\n'


def _eventually(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def moved(tmp_path: Path) -> tuple[Path, Path]:
    """A folder for an audit that a test takes away, and where it goes."""
    folder, away = tmp_path / "audit", tmp_path / "away"
    folder.mkdir()
    return folder, away


def test_a_path_that_cannot_be_opened(tmp_path: Path, sandbox: Sandbox) -> None:
    """The gateway does not start, and says so with the key's place."""
    settings = configuration(sandbox.url, audit={"path": str(tmp_path / "missing" / "audit.jsonl")})
    ended = refused_to_start(written(tmp_path / "g", settings, ""))
    assert ended.code == 2
    assert "audit" in ended.stderr


def test_fail_refuses_and_comes_back(moved: tuple[Path, Path], serve: Serve) -> None:
    """`on_error: fail`: while the path is gone nothing is sent, reads are refused too; once it is back all goes on."""
    folder, away = moved
    with faulty_aws() as aws:
        with_audit = audited(serve, aws.url, folder, on_error="fail")
        gateway = with_audit.gateway
        gateway.start(job())
        folder.rename(away)
        told = refused(lambda: gateway.start(job(applicationId="unsent")))
        assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "AUDIT_UNAVAILABLE", "not_started")
        assert refused(lambda: gateway.get(APPLICATION, "00run")).reason == "AUDIT_UNAVAILABLE"
        assert "unsent" not in aws.seen
        away.rename(folder)
        _eventually(lambda: _starts(gateway))
        lines = with_audit.awaited(lambda lines: str(lines).count("'AUDIT_UNAVAILABLE'") >= 2)
    # What was refused meanwhile waited, and stands there.
    assert {line["path"].partition("/")[2] for line in endings(lines)} == {"StartJobRun", "GetJobRun"}


def test_continue_goes_on_and_counts(moved: tuple[Path, Path], serve: Serve, sandbox: Sandbox) -> None:
    """`on_error: continue`: jobs start, the log says what is wrong, and at the end how many lines were lost."""
    folder, _ = moved
    section = {"path": str(folder / "audit.jsonl"), "on_error": "continue"}
    gateway = serve(sandbox.url, sections={"audit": section})
    (folder / "audit.jsonl").unlink()
    folder.rmdir()
    assert [gateway.start(job()).job_run_id for _ in range(3)]
    ended = gateway.stop()
    assert ended.code == 0
    assert "the audit cannot be written: No such file" in ended.stderr
    assert re.search(r"the audit cannot be written: [67] lines are lost", ended.stderr)


def test_a_full_disk(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """A file that can grow no more refuses jobs under `fail`; given room, every line is whole and none twice."""
    with_audit = audited(serve, sandbox.url, tmp_path, on_error="fail")
    gateway = with_audit.gateway
    gateway.start(job())
    with_audit.awaited(lambda lines: len(lines) == 2)
    room = with_audit.path.stat().st_size + 100  # the middle of the next line
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    assert refused(lambda: gateway.start(job())).reason == "AUDIT_UNAVAILABLE"
    assert with_audit.path.stat().st_size == room
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    _eventually(lambda: _starts(gateway))
    gateway.stop()
    lines = with_audit.path.read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines]
    seen = [(line["decision_id"], "verdict" in line["result"]) for line in told]
    assert len(seen) == len(set(seen))


def test_standard_output_that_nobody_reads(serve: Serve, sandbox: Sandbox, tmp_path: Path) -> None:
    """A pipe that is full holds up nobody under `continue`, and refuses under `fail`."""
    for on_error in ("continue", "fail"):
        pipe = tmp_path / on_error
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDWR)
        gateway = serve(sandbox.url, sections={"audit": {"path": str(pipe), "on_error": on_error}})
        os.set_blocking(reader, False)
        while True:
            try:
                os.write(reader, b"x" * 4096)
            except BlockingIOError:
                break
        if on_error == "fail":
            assert refused(lambda: gateway.start(job())).reason == "AUDIT_UNAVAILABLE"  # noqa: B023 - at once
        else:
            gateway.start(job())
            began = time.monotonic()
            gateway.start(job())
            assert time.monotonic() - began < STUCK_SECONDS  # the first one waited so long; nobody else does
        assert gateway.stop().code == 0
        os.close(reader)


def test_rotation(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """After SIGHUP lines go to a new file, none is lost or in both. It does not end a gateway without a file."""
    with_audit = audited(serve, sandbox.url, tmp_path, requests="full")
    gateway = with_audit.gateway
    gateway.start(job())
    with_audit.awaited(lambda lines: len(lines) == 2)
    for name in ("audit.jsonl", "audit.jsonl.requests"):
        (tmp_path / name).rename(tmp_path / f"{name}.1")
    gateway.signal(signal.SIGHUP)
    _eventually(with_audit.path.exists)
    gateway.start(job())
    new = with_audit.awaited(lambda lines: len(lines) == 2)
    old = read(tmp_path / "audit.jsonl.1")
    assert len(old) == 2
    assert {line["decision_id"] for line in old}.isdisjoint(line["decision_id"] for line in new)
    for name in ("audit.jsonl.requests", "audit.jsonl.requests.1"):
        assert len((tmp_path / name).read_text(encoding="utf-8").splitlines()) == 1
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    plain = serve(sandbox.url)
    plain.signal(signal.SIGHUP)
    plain.start(job())
    assert plain.stop().code == 0


@pytest.mark.parametrize("method", ["CancelJobRun", "GetDashboardForJobRun"])
def test_nothing_is_done_without_its_line(method: str, serve: Serve, sandbox: Sandbox) -> None:
    """`on_error: fail` holds from the first call on: AWS hears of no cancel and no dashboard that stands nowhere."""
    run = serve(sandbox.url).start(job()).job_run_id
    gateway = serve(sandbox.url, sections={"audit": {"path": "/dev/full", "on_error": "fail"}})
    before = sandbox.calls.get(method, 0)
    told = refused(lambda: ask(gateway, method, run))
    assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "AUDIT_UNAVAILABLE", None)
    assert sandbox.calls.get(method, 0) == before
    ask(serve(sandbox.url, sections={"audit": {"path": "/dev/full", "on_error": "continue"}}), method, run)
    assert sandbox.calls[method] == before + 1


@pytest.mark.parametrize("is_told", [True, False], ids=["SIGHUP", "the next line"])
@pytest.mark.parametrize(("fsync", "is_synced"), [("interval", True), ("never", False)])
def test_what_is_moved_away_is_on_the_disk(
    fsync: Fsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_synced: bool, is_told: bool
) -> None:
    """A file is left with what `fsync` promises of it, whether SIGHUP or the next line finds it moved."""
    whole, synced = os.fdatasync, list[int]()

    def spied(fd: int) -> None:
        synced.append(os.fstat(fd).st_ino)
        whole(fd)

    monkeypatch.setattr(os, "fdatasync", spied)
    monkeypatch.setattr("emrgateway_server.audit.sink.SYNC_SECONDS", 3600.0)  # never due by itself
    path = tmp_path / "audit.jsonl"
    writer = Sink(LineFile(str(path), is_durable=fsync != "never"), None, fsync)
    writer.put(_LINE)
    _eventually(lambda: path.read_bytes() == _LINE)
    left = path.rename(tmp_path / "audit.jsonl.1").stat().st_ino
    if is_told:
        writer.reopen()
    else:
        writer.put(_LINE)
    _eventually(path.exists)
    assert (left in synced) == is_synced
    writer.close(5)


def test_a_disk_that_cannot_be_synced_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotation is the way out of a disk that fails: it is told once, and the new file has every later line whole."""

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "the disk fails")

    path = tmp_path / "audit.jsonl"
    file = LineFile(str(path))
    file.write(deque([_LINE]))
    path.rename(tmp_path / "audit.jsonl.1")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing)
        with pytest.raises(OSError, match="the disk fails"):
            file.open()
        file.open()
        file.write(deque([_LINE]))
    file.close()
    assert path.read_bytes() == _LINE


def test_a_killed_gateway_has_told_all_that_it_sent(serve: Serve, tmp_path: Path) -> None:
    """SIGKILL under load: whatever AWS received stands in the audit, whole lines but perhaps for the last."""
    with faulty_aws() as aws:
        with_audit = audited(serve, aws.url, tmp_path)
        gateway = with_audit.gateway
        stop = threading.Event()

        def submit() -> None:
            while not stop.is_set():
                try:
                    gateway.start(job(applicationId="killed"), timeout=5)
                except Exception:  # noqa: BLE001 - it dies below
                    return

        threads = [threading.Thread(target=submit) for _ in range(4)]
        for thread in threads:
            thread.start()
        with_audit.awaited(lambda lines: len(judgements(lines)) > 20)
        gateway.signal(signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join(20)
        received = [json.loads(body)["tags"]["emr-gateway:submission"] for body in aws.seen["killed"]]
    lines = with_audit.path.read_bytes().splitlines(keepends=True)
    told = [json.loads(line) for line in lines[:-1]] + ([json.loads(lines[-1])] if lines[-1].endswith(b"\n") else [])
    assert len(judgements(told)) >= len(set(received)) > 10
    assert not [found for _, found in decisionlog.read(with_audit.path) if isinstance(found, decisionlog.Damaged)]


def test_a_torn_last_line(tmp_path: Path) -> None:
    """Replay skips it; the next gateway leaves it as it is and begins a line of its own."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"decision_id": "1", "path": "emrgateway.v1.JobRunSer')
    assert list(decisionlog.read(path)) == []
    sink = Sink(LineFile(str(path)), None, "always")
    written = threading.Event()
    sink.put(_LINE, written=written)
    assert written.wait(10)
    sink.close(5)
    assert path.read_bytes().endswith(b"JobRunSer\n" + _LINE)
    assert [type(found) for _, found in decisionlog.read(path)] == [decisionlog.Damaged]


@pytest.mark.parametrize("seed", range(20))
def test_short_writes(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However little the system takes at a time, and however often it fails in between, each line stands there once."""
    random = Random(seed)  # noqa: S311 - the same again
    whole = os.write

    def short(fd: int, data: bytes) -> int:
        if random.random() < 0.3:
            raise OSError(errno.ENOSPC, "full")
        return whole(fd, data[: random.randrange(1, 40)])

    path = tmp_path / "audit.jsonl"
    file = LineFile(str(path))
    monkeypatch.setattr(os, "write", short)
    lines = [b'{"n":%d}\n' % number for number in range(30)]
    left = deque(lines)
    while left:
        with contextlib.suppress(OSError):
            file.write(left)
    file.close()
    assert path.read_bytes() == b"".join(lines)


def test_a_sink_that_hangs_is_bounded(tmp_path: Path) -> None:
    """What waits has at most so many bytes; the rest is counted as lost, and so is what the end leaves."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    sink = Sink(LineFile(str(pipe)), None, "never")
    line = b"x" * 65_535 + b"\n"
    kept = sum(sink.put(line) for _ in range(2 * MOST_BYTES // len(line)))
    assert kept * len(line) <= MOST_BYTES
    assert sink.lost == 2 * MOST_BYTES // len(line) - kept
    _eventually(lambda: sink.is_stuck)
    before = sink.lost
    sink.close(0.1)
    assert sink.lost - before >= kept - 2
    os.close(reader)


def test_endings_follow_their_judgements(sandbox: Sandbox, serve: Serve, tmp_path: Path) -> None:
    """With `fsync: always`, from several callers at once: every call has both lines, in order."""
    with_audit = audited(serve, sandbox.url, tmp_path, fsync="always")
    threads = [threading.Thread(target=lambda: with_audit.gateway.start(job())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    lines = with_audit.awaited(lambda lines: len(lines) == 16)
    first = {line["decision_id"]: index for index, line in reversed(list(enumerate(lines)))}
    assert {line["decision_id"] for line in judgements(lines)} == {line["decision_id"] for line in endings(lines)}
    assert all("verdict" in lines[index]["result"] for index in first.values())


def _starts(gateway: Gateway) -> bool:
    try:
        gateway.start(job())
    except Exception:  # noqa: BLE001 - not yet
        return False
    return True
