"""The help teaches: what each command does, its exit codes, and an example that is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .support import COMMAND, Command, policy, write


@pytest.mark.parametrize("name", ["check", "test", "explain", "replay"])
def test_exit_codes_are_told(command: Command, name: str) -> None:
    """Each command's help says what it exits with, and is no wider than a terminal of 120."""
    ran = command(name, "--help")
    assert ran.code == 0
    assert re.search(r"exit codes: 0 .*1 .*2 ", ran.out, re.DOTALL)
    assert max(map(len, ran.out.splitlines())) <= 120


def test_the_example_of_a_test_is_one(command: Command, tmp_path: Path) -> None:
    """The document in the help of `test`, its request filled in, is a case that passes."""
    shown = command("test", "--help").out
    example = re.search(r"^  apiVersion.*?\n\n", shown, re.DOTALL | re.MULTILINE)
    assert example is not None
    text = re.sub(r"^  ", "", example[0], flags=re.MULTILINE).replace(
        "5000, ...}", '5000, executionRoleArn: "arn:aws:iam::123456789012:role/x", jobDriver: {hive: {query: q}}}'
    )
    assert yaml.safe_load(text)["kind"] == "PolicyTest"
    cap = "rules: [{id: cap, field: execution_timeout_minutes, max: 720, otherwise: clamp}]\n"
    folder = write(tmp_path / "p", p=policy(cap), t=text)
    assert command("test", folder).code == 0


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("check",), ("explain", "x")])
def test_usage_errors(command: Command, arguments: tuple[str, ...]) -> None:
    """What is no command, or lacks what it needs, is exit 2 and told on standard error."""
    ran = command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "usage: emr-gateway policy" in ran.err


def test_the_base_installation_says_what_it_lacks(tmp_path: Path) -> None:
    """Without the server's dependencies, the command says which extra to install; its help needs none of them."""
    (tmp_path / "pydantic.py").write_text("raise ModuleNotFoundError(name='pydantic')\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from emrgateway_server.cli import main; sys.exit(main())"
    )
    run = [sys.executable, "-c", code, "policy", "schema"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "emr-gateway policy needs more: pip install 'emr-gateway[server]'\n"
    helped = subprocess.run([*run[:-1], "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert helped.returncode == 0
    assert "check" in helped.stdout
    assert COMMAND.exists()
