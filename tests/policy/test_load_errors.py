"""Mistakes in policy files: bad/NAME.yaml holds the one mistake it is named after, and says what must be told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from emrgateway_server.policy import load_directory
from emrgateway_server.yamlfile import ConfigurationError

_BAD = sorted(Path(__file__).with_name("bad").glob("*.yaml"))
_WANT = "# want: "


def _wanted(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(_WANT) for line in lines if line.startswith(_WANT)]


def _told(directory: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load_directory(directory)
    # What one error says of another place has the file's name in it, below a directory that is new each time.
    return str(raised.value).replace(f"{directory}/", "").splitlines()


@pytest.mark.parametrize("file", _BAD, ids=lambda file: file.stem)
def test_mistake_is_told(file: Path, tmp_path: Path) -> None:
    """A file's mistakes are told as it says itself: file, line, column and words; nothing else is told."""
    (tmp_path / file.name).write_bytes(file.read_bytes())
    assert _told(tmp_path) == [f"{file.name}:{want}" for want in _wanted(file)]


def test_five_mistakes_are_five_errors() -> None:
    """The file of five mistakes wants five, and every other one a single one: the table itself is as it says."""
    assert {file.stem: len(_wanted(file)) for file in _BAD} == {
        file.stem: 5 if file.stem == "five_mistakes" else 1 for file in _BAD
    }


def test_all_files_are_told_at_once(tmp_path: Path) -> None:
    """A directory of bad files tells each file's mistakes, in the order of the files."""
    # Names that stand in several of them would be one more mistake.
    for number, file in enumerate(_BAD):
        text = file.read_text(encoding="utf-8").replace("name: p", f"name: p{number}")
        (tmp_path / file.name).write_text(text, encoding="utf-8")
    told = _told(tmp_path)
    files = [line.partition(":")[0] for line in told]
    assert files == sorted(files)
    assert set(files) == {file.name for file in _BAD}


def test_duplicate_name_across_files(tmp_path: Path) -> None:
    """Two files whose policies have one name: told at the second, with the place of the first."""
    text = "apiVersion: emrgateway/v1\nkind: Policy\nmetadata: {name: %s}\n"
    (tmp_path / "a.yaml").write_text(text % "team", encoding="utf-8")
    (tmp_path / "b.yml").write_text(text % "other" + "---\n" + text % "team", encoding="utf-8")
    assert _told(tmp_path) == ["b.yml:7:18: error: 'team' is the name of a.yaml:3 already"]


def test_two_sets_across_files(tmp_path: Path) -> None:
    """A field that two documents' rules set to two values is told where the second stands."""
    text = "apiVersion: emrgateway/v1\nkind: Policy\nmetadata: {name: %s}\nrules:\n  - {id: s, field: name, set: %s}\n"
    (tmp_path / "z.yaml").write_text(text % ("one", "x"), encoding="utf-8")
    (tmp_path / "a.yaml").write_text(text % ("two", "z"), encoding="utf-8")
    assert _told(tmp_path) == [
        "a.yaml:5:31: error: two/s and one/s (z.yaml:5) set name to two values, and both can apply"
    ]


def test_not_utf8(tmp_path: Path) -> None:
    """A file that is no UTF-8 is told without a place in it."""
    (tmp_path / "latin.yaml").write_bytes(b"metadata: {name: caf\xe9}\n")
    assert _told(tmp_path) == ["latin.yaml: error: cannot be read: not UTF-8"]


def test_a_link_to_nothing(tmp_path: Path) -> None:
    """A file that is gone took its rules with it: it is told, not left out. An editor's lock is no policy."""
    (tmp_path / "gone.yaml").symlink_to("nowhere")
    (tmp_path / ".#lock.yaml").symlink_to("me@here.123")
    assert _told(tmp_path) == ["gone.yaml: error: cannot be read: No such file or directory"]


def test_control_character(tmp_path: Path) -> None:
    """A character that YAML forbids is told with its line."""
    (tmp_path / "control.yaml").write_text("kind: Policy\nmetadata: {name: '\x01'}\n", encoding="utf-8")
    (told,) = _told(tmp_path)
    assert told.startswith("control.yaml:2:")


def test_missing_directory(tmp_path: Path) -> None:
    """A directory that is not there is an error, not an empty policy."""
    with pytest.raises(ConfigurationError, match=r"gone: error: cannot be read: No such file or directory"):
        load_directory(tmp_path / "gone")


def test_nesting_is_bounded(tmp_path: Path) -> None:
    """A file that nests without end is an error, not a crash."""
    (tmp_path / "deep.yaml").write_text("kind: " + "[" * 500 + "]" * 500, encoding="utf-8")
    assert any("nested" in line for line in _told(tmp_path))


def test_alias_bomb_is_not_unfolded(tmp_path: Path) -> None:
    """Nine levels of nine aliases each would be 400 million items: each alias is told instead."""
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))]
    (tmp_path / "bomb.yaml").write_text("kind: Policy\n" + "\n".join(lines), encoding="utf-8")
    told = _told(tmp_path)
    assert len([line for line in told if "is not allowed" in line]) == 81
