"""The commands as their users run them, and the files that they are given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emrgateway_server.cli import main

COMMAND = Path(sys.executable).with_name("emr-gateway")
CALLER = "spiffe://prod.example.com/ns/data-eng/sa/etl"
APPLICATION = "00f1qr8s3v6pd409"
ROLE = "arn:aws:iam::123456789012:role/emr/data-eng/etl"
REQUEST: Mapping[str, Any] = {
    "applicationId": APPLICATION,
    "executionRoleArn": ROLE,
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/main.py"}},
}
HEAD = "apiVersion: emrgateway/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
GRANTS = 'grants: [{actions: [start, get, list, cancel, watch], applications: ["**"], roles: ["**"]}]\n'


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it printed
        """What it printed, which is JSON."""
        return json.loads(self.out)


class Command:
    """`emr-gateway policy`, in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ran:
        """Run it; a usage error's exit is its exit code."""
        try:
            code = main(["policy", *map(str, arguments)])
        except SystemExit as ended:
            code = int(ended.code or 0)
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)


def process(*arguments: str | Path, environment: Mapping[str, str] | None = None, text: str = "") -> Ran:
    """`emr-gateway policy`, as a process of its own."""
    done = subprocess.run(
        [COMMAND, "policy", *arguments],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def policy(body: str, name: str = "p") -> str:
    """A policy document that says `body`, and grants everything where that says nothing of grants."""
    grants = "" if "grants:" in body else GRANTS
    return HEAD.format(kind="Policy", name=name) + grants + body


def suite(cases: str, name: str = "p") -> str:
    """A document of test cases."""
    return HEAD.format(kind="PolicyTest", name=name) + cases


def write(folder: Path, **files: str) -> Path:
    """A folder with YAML files of these names."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def request(folder: Path, **changes: object) -> Path:
    """A file with the plainest request, some of its members changed."""
    file = folder / "request.json"
    file.write_text(json.dumps({**REQUEST, **changes}), encoding="utf-8")
    return file
