"""What checkov makes of the chart and the image: `make chart` sets it up and runs these."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import chart

CHECKOV = os.environ.get("CHECKOV", "")
SETTINGS = Path(__file__).with_name("checkov.yaml")

pytestmark = pytest.mark.skipif(not CHECKOV, reason="make chart sets checkov up")


def test_it_has_no_word_against_any_of_it(tmp_path: Path) -> None:
    """Every check that is not left out with a reason passes, for each values file and for the Dockerfile."""
    for name in chart.NAMES:
        _write(tmp_path / f"{name}.yaml", chart.manifests(name))
    shutil.copy(chart.ROOT / "deploy" / "Dockerfile", tmp_path)
    ran = _asked(tmp_path)
    assert ran.returncode == 0, ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("worsen", "check"),
    [
        (lambda pod: pod["containers"][0]["securityContext"].update(privileged=True), "CKV_K8S_16"),
        (lambda pod: pod["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"), "CKV_K8S_22"),
        (lambda pod: pod.update(hostNetwork=True), "CKV_K8S_19"),
    ],
    ids=["privilege", "a root that can be written", "the host's network"],
)
def test_it_looks(worsen: Callable[[dict[str, Any]], object], check: str, tmp_path: Path) -> None:
    """A pod that asks for more is seen, and nothing else with it."""
    manifests = chart.rendered(chart.values("minimal"))
    worsen(chart.one(manifests, "Deployment")["spec"]["template"]["spec"])
    _write(tmp_path / "minimal.yaml", manifests)
    ran = _asked(tmp_path)
    assert ran.returncode == 1
    assert [line.split('"')[0] for line in ran.stdout.splitlines() if line.startswith("Check: ")] == [
        f"Check: {check}: "
    ]


def _write(file: Path, manifests: list[chart.Manifest]) -> None:
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


def _asked(folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = [CHECKOV, "--directory", str(folder), "--config-file", str(SETTINGS)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300, cwd=chart.ROOT)
