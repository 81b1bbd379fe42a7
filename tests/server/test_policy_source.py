"""When a policy directory is loaded again, what comes into force, and what is told of a directory that is no good."""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway_server import engines, policy_source
from emrgateway_server.policy import load_directory
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.yamlfile import ConfigurationError

from .directories import ConfigMap, PlainFiles
from .gateways import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

_BAD = sorted(Path(__file__).parents[1].joinpath("policy", "bad").glob("*.yaml"))
_WANT = "# want: "
_MISTAKE = "apiVersion: emrgateway/v1\nkind: Policy\nmetadata: {name: p}\ncolour: red\n"


def _saying(default: str, name: str = "good") -> str:
    """A policy whose one rule fills the job's name."""
    rules = [{"id": "name", "field": "name", "default": default}]
    return json.dumps({"apiVersion": "emrgateway/v1", "kind": "Policy", "metadata": {"name": name}, "rules": rules})


def _files(default: str) -> dict[str, str]:
    return {"policy.yaml": _saying(default)}


def _digest(folder: Path, files: dict[str, str]) -> str:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return load_directory(folder).digest


def _errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def _edited_in_place(directory: Path) -> None:
    """A word of the same length, and the file's times put back: `cp -p`, `touch -r`."""
    file = directory / "policy.yaml"
    times = file.stat()
    text = file.read_text(encoding="utf-8").replace("one", "two")
    with file.open("r+", encoding="utf-8") as opened:
        opened.write(text)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def _replaced(directory: Path) -> None:
    """A new file of the old one's size and times, by one rename."""
    file = directory / "policy.yaml"
    times = file.stat()
    made = directory / "policy.new"
    made.write_text(file.read_text(encoding="utf-8").replace("one", "two"), encoding="utf-8")
    os.utime(made, ns=(times.st_atime_ns, times.st_mtime_ns))
    made.rename(file)


def _link_swapped(directory: Path) -> None:
    """What a link of the directory leads to is another file."""
    other = directory / "other"
    other.write_text(_saying("two"), encoding="utf-8")
    (directory / "policy.yaml").unlink()
    (directory / "policy.yaml").symlink_to(other)


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited in place": _edited_in_place,
    "replaced": _replaced,
    "a link": _link_swapped,
    "a file more": lambda directory: (directory / "more.yml").write_text(_saying("x", "more"), encoding="utf-8"),
    "a file less": lambda directory: (directory / "policy.yaml").unlink(),
    "no longer read": lambda directory: (directory / "policy.yaml").rename(directory / "policy.bak"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_plain_directory_is_seen(change: Callable[[Path], object], tmp_path: Path) -> None:
    """Whatever changes what the documents say is loaded at the next look, even where size and times stay."""
    directory = PlainFiles(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    before = source.engine.digest
    change(directory.path)
    source.look()
    assert source.engine.digest == load_directory(directory.path).digest != before
    assert source.is_current


def test_a_config_map_is_loaded_when_its_link_is_swapped(tmp_path: Path) -> None:
    """Each swap is one load, and between swaps there is none."""
    directory = ConfigMap(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    for default in ("two", "three"):
        engine = source.engine
        source.look()
        assert source.engine is engine
        directory.put(_files(default))
        source.look()
        assert source.engine.digest == _digest(tmp_path / "same", _files(default)) != engine.digest


def test_a_link_swapped_to_and_fro_is_another(tmp_path: Path) -> None:
    """`..data` leads where it led at the last look, and there is another policy by now: two folders in turn."""
    directory = ConfigMap(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    data = directory.path / "..data"
    first = data.readlink()
    directory.put(_files("two"))
    (directory.path / first).mkdir()
    (directory.path / first / "policy.yaml").write_text(_saying("three"), encoding="utf-8")
    (directory.path / "..data_tmp").symlink_to(first)
    (directory.path / "..data_tmp").rename(data)
    source.look()
    assert source.engine.digest == _digest(tmp_path / "same", _files("three"))


@pytest.mark.parametrize("kind", [ConfigMap, PlainFiles])
def test_nothing_is_loaded_while_nothing_changes(kind: type[ConfigMap | PlainFiles], tmp_path: Path) -> None:
    """The engine is the very one, after files that are no policy came and the good ones were read."""
    directory = kind(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    for name in ("README.md", "policy.yaml.swp"):
        (directory.path / name).write_text(_MISTAKE, encoding="utf-8")
        (directory.path / "policy.yaml").read_bytes()
        source.look()
        assert source.engine is engine
    assert source.failures == 0


def test_every_broken_file_keeps_the_last_good_policy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The engine is the very one, each load counts as failed, and each mistake is told with its place."""
    directory = ConfigMap(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    for number, file in enumerate(_BAD, start=1):
        caplog.clear()
        text = file.read_text(encoding="utf-8")
        directory.put({**_files("one"), file.name: text})
        source.look()
        assert (source.engine is engine, source.is_current, source.failures) == (True, False, number), file.stem
        heading, *told = _errors(caplog)
        assert heading == f"policy {engine.digest} stays in force: {directory.path} cannot be loaded"
        wanted = [line.removeprefix(_WANT) for line in text.splitlines() if line.startswith(_WANT)]
        assert [line.replace(f"{directory.path}/", "") for line in told] == [f"{file.name}:{want}" for want in wanted]
    directory.put(_files("two"))
    source.look()
    assert (source.engine is engine, source.is_current) == (False, True)
    assert len(_BAD) > 80


def test_a_failure_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Again at a touch: counted, not told; another mistake, or the same one after a good load: told."""
    directory = PlainFiles(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    told: list[int] = []
    for files in (
        {"policy.yaml": _MISTAKE},
        {"policy.yaml": _MISTAKE + "# touched\n"},
        {"policy.yaml": _MISTAKE.replace("red", "blue\nshape: round")},
        _files("two"),
        {"policy.yaml": _MISTAKE},
    ):
        directory.put(files)
        caplog.clear()
        for _ in range(3):
            source.look()
        told.append(len(_errors(caplog)))
    assert told == [2, 0, 3, 0, 2]
    assert source.failures == 4


def test_a_directory_that_is_gone_keeps_the_last_good_policy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An unmounted directory is no empty policy, and its return is seen."""
    directory = PlainFiles(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    directory.path.rename(tmp_path / "away")
    source.look()
    source.look()
    assert (source.engine is engine, source.failures) == (True, 1)
    assert _errors(caplog)[1:] == [f"{directory.path}: error: cannot be read: No such file or directory"]
    (tmp_path / "away").rename(directory.path)
    source.look()
    assert source.is_current


def test_a_link_that_leads_nowhere_keeps_the_last_good_policy(tmp_path: Path) -> None:
    """A file whose link dangles, as while a volume is remounted, is no policy less; its return is seen."""
    directory = PlainFiles(tmp_path / "policy", {})
    (tmp_path / "linked").write_text(_saying("one"), encoding="utf-8")
    (directory.path / "policy.yaml").symlink_to(tmp_path / "linked")
    source = PolicySource(directory.path)
    engine = source.engine
    (tmp_path / "linked").rename(tmp_path / "away")
    source.look()
    assert (source.engine is engine, source.is_current) == (True, False)
    (tmp_path / "away").rename(tmp_path / "linked")
    source.look()
    assert source.is_current


def test_a_failed_load_is_tried_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a load failed of may mend without a change that a look can see: here, where `..data` leads."""
    directory = ConfigMap(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    (directory.path / "..data").unlink()
    (directory.path / "..data").symlink_to("..late")
    source.look()
    (directory.path / "..late").mkdir()
    (directory.path / "..late" / "policy.yaml").write_text(_saying("two"), encoding="utf-8")
    source.look()
    assert (source.is_current, source.failures) == (False, 1)
    later = time.monotonic() + policy_source.RETRY_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    source.look()
    assert source.is_current


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor empties a file before it fills it; empty, it would be a policy that says nothing."""
    monkeypatch.setattr(policy_source, "SETTLING_SECONDS", 1.0)  # room for a slow machine
    directory = PlainFiles(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    file = directory.path / "policy.yaml"
    file.write_text("", encoding="utf-8")
    looking = threading.Thread(target=source.look)
    looking.start()
    time.sleep(0.2)
    file.write_text(_saying("two"), encoding="utf-8")
    looking.join(PATIENCE_SECONDS)
    assert source.engine is engine
    source.look()
    assert source.engine.digest == load_directory(directory.path).digest != engine.digest


@pytest.mark.parametrize("kind", [ConfigMap, PlainFiles])
@pytest.mark.parametrize("files", [_files("two"), {"policy.yaml": _MISTAKE}], ids=["good", "bad"])
def test_what_changed_while_it_was_read_is_read_again(
    files: dict[str, str], kind: type[ConfigMap | PlainFiles], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What such a load says, policy or mistakes, may be of two versions: it is neither put in force nor told."""
    directory = kind(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    directory.put(files)

    load = engines.load

    def _load_while_it_changes(path: Path, *rest: Any, **more: Any) -> object:  # noqa: ANN401 - `load` has the types
        try:
            return load(path, *rest, **more)
        finally:
            directory.put(_files("three"))

    with monkeypatch.context() as patch:
        patch.setattr(engines, "load", _load_while_it_changes)
        source.look()
    assert source.engine is engine
    source.look()
    assert (source.engine.digest, source.failures) == (_digest(tmp_path / "same", _files("three")), 0)


def test_versions_are_never_mixed(tmp_path: Path) -> None:
    """However fast a ConfigMap of eight files is swapped, what is in force is one version of it, whole."""
    versions = [{f"{name}.yaml": _saying(default, name) for name in "abcdefgh"} for default in ("one", "two")]
    digests = {_digest(tmp_path / "same", files) for files in versions}
    directory = ConfigMap(tmp_path / "policy", versions[0])
    source = PolicySource(directory.path)
    is_done = threading.Event()

    def _write() -> None:
        for files in itertools.cycle(versions):
            directory.put(files)
            if is_done.wait(0.01):
                return

    writing = threading.Thread(target=_write)
    writing.start()
    seen: set[str] = set()
    began = time.monotonic()
    while (lasted := time.monotonic() - began) < 2 or (len(seen) < 2 and lasted < PATIENCE_SECONDS):
        source.look()
        seen.add(source.engine.digest)
    is_done.set()
    writing.join(PATIENCE_SECONDS)
    assert seen == digests
    assert source.failures == 0
    source.look()
    assert source.engine.digest == load_directory(directory.path).digest


def test_a_first_load_that_fails_is_an_error(tmp_path: Path) -> None:
    """There is no last good policy to fall back on."""
    with pytest.raises(ConfigurationError, match="unknown key 'colour'"):
        PolicySource(PlainFiles(tmp_path / "policy", {"policy.yaml": _MISTAKE}).path)


def test_a_first_load_of_what_never_rests_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is another at each look cannot be read whole."""
    counter = itertools.count()
    monkeypatch.setattr(policy_source, "state_of", lambda _: (next(counter),))
    with pytest.raises(ConfigurationError, match="changes faster than it can be read"):
        PolicySource(PlainFiles(tmp_path / "policy", _files("one")).path)


def _watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "policy"]


def test_a_bug_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a load raises is a failed load, told with where it broke; the next change is loaded as ever."""
    directory = ConfigMap(tmp_path / "policy", _files("one"))
    source = PolicySource(directory.path)
    engine = source.engine
    source.start(0.01)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(engines, "load", _bug)
            directory.put(_files("two"))
            # The failure is counted before it is told.
            _wait(lambda: any("RuntimeError: a bug" in line and "_bug" in line for line in _errors(caplog)))
        assert source.failures
        assert source.engine is engine
        directory.put(_files("three"))
        _wait(lambda: source.is_current)
        assert source.engine.digest == load_directory(directory.path).digest
    finally:
        source.stop()
    _wait(lambda: not _watching())


def test_a_first_load_of_what_changed_meanwhile_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in force at the start is what the directory says then, not a mixture of that and what it said before."""
    directory = PlainFiles(tmp_path / "policy", {"policy.yaml": _MISTAKE})
    load = engines.load
    versions = [_files("two"), _files("three")]

    def _load_while_it_changes(path: Path, *rest: Any, **more: Any) -> object:  # noqa: ANN401 - `load` has the types
        try:
            return load(path, *rest, **more)
        finally:
            if versions:
                directory.put(versions.pop(0))

    monkeypatch.setattr(engines, "load", _load_while_it_changes)
    source = PolicySource(directory.path)
    assert source.engine.digest == _digest(tmp_path / "same", _files("three"))


def _bug(*_: object, **__: object) -> Any:  # noqa: ANN401 - it never returns
    raise RuntimeError("a bug")


def _wait(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_no_interval_is_no_reload(tmp_path: Path) -> None:
    """`reload_seconds: 0` means that the policy stays as it was at the start."""
    source = PolicySource(PlainFiles(tmp_path / "policy", _files("one")).path)
    source.start(0)
    assert not _watching()
