"""The image is made as a cluster that trusts nobody wants it; `make image` builds it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
HADOLINT = Path(sys.executable).with_name("hadolint")


def test_the_linter_finds_nothing() -> None:
    """Hadolint, and ShellCheck within it, have no word against the Dockerfile."""
    assert _linted(DOCKERFILE) == ""


@pytest.mark.parametrize(
    ("said", "instead", "rule"),
    [
        ("\nCMD [", "\nCMD serve # [", "DL3025"),
        ("FROM ${BASE}\n", "FROM debian:latest\n", "DL3007"),
        ("USER 65532:65532\n", "USER root\n", "DL3002"),
    ],
)
def test_the_linter_looks(said: str, instead: str, rule: str) -> None:
    """A command that needs a shell, an unpinned base, and root at the end are each seen."""
    assert said in DOCKERFILE
    assert rule in _linted(DOCKERFILE.replace(said, instead))


def test_the_base_is_pinned_by_its_digest() -> None:
    """Both stages are of one base, whose digest is written down."""
    assert re.search(r"^ARG BASE=\S+:\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    assert {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")} == {"${BASE}"}


def test_it_runs_as_a_number_and_without_a_shell() -> None:
    """The user is a number other than 0; entry point and command are lists; the gateway itself gets SIGTERM."""
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9][0-9]{4,}:[1-9][0-9]{4,}$", last, re.MULTILINE)
    entry, command = (json.loads(last.partition(f"\n{word} ")[2].splitlines()[0]) for word in ("ENTRYPOINT", "CMD"))
    assert [*entry, *command][:2] == ["/opt/emr-gateway/bin/emr-gateway", "serve"]
    assert "\nSTOPSIGNAL SIGTERM\n" in last
    assert "\nRUN " not in last


def test_what_the_wheel_is_made_of_reaches_the_builder() -> None:
    """Each package, and each file that pyproject.toml names, is let through and copied; tests and deploy are not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    files = ["pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    admitted = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {word for line in re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()}
    assert {*files, *(package.rpartition("/")[0] for package in packages)} == admitted == copied
    assert "*" in ignored


def _linted(dockerfile: str) -> str:
    ran = subprocess.run([HADOLINT, "-"], input=dockerfile, capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout + ran.stderr
