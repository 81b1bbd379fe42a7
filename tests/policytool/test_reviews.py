"""The warnings of `policy check`: reviews/NAME.yaml says what must be warned of in it; nothing else may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from .support import Command

_FILES = sorted(Path(__file__).with_name("reviews").glob("*.yaml"))
_WANT = "# want: "
_NOW = "# now: "


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_warnings(command: Command, file: Path, tmp_path: Path) -> None:
    """A policy is warned of exactly as it says itself: place and words; a policy that says nothing, of nothing."""
    (tmp_path / file.name).write_bytes(file.read_bytes())
    lines = file.read_text(encoding="utf-8").splitlines()
    now = [argument for line in lines if line.startswith(_NOW) for argument in ("--now", line.removeprefix(_NOW))]
    ran = command("check", tmp_path, *now)
    told = ran.err.replace(f"{tmp_path}/{file.name}:", "").splitlines()
    assert told == [line.removeprefix(_WANT) for line in lines if line.startswith(_WANT)]
    assert ran.code == 0
    assert command("check", tmp_path, "--strict", *now).code == (1 if told else 0)
