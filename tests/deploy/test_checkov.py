"""What checkov makes of the chart and the image: `make chart` sets it up and runs these."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

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


def test_it_looks(tmp_path: Path) -> None:
    """Privilege, a root that can be written and the host's network are seen, and nothing besides."""
    manifests = chart.rendered(chart.values("minimal"))
    pod = chart.one(manifests, "Deployment")["spec"]["template"]["spec"]
    pod["hostNetwork"] = True
    (container,) = pod["containers"]
    container["securityContext"] = {**container["securityContext"], "privileged": True, "readOnlyRootFilesystem": False}
    _write(tmp_path / "minimal.yaml", manifests)
    ran = _asked(tmp_path)
    assert ran.returncode == 1
    seen = [line.split(": ")[1] for line in ran.stdout.splitlines() if line.startswith("Check: ")]
    assert sorted(seen) == ["CKV_K8S_16", "CKV_K8S_19", "CKV_K8S_22"]


def _write(file: Path, manifests: list[chart.Manifest]) -> None:
    file.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


def _asked(folder: Path) -> subprocess.CompletedProcess[str]:
    arguments = [CHECKOV, "--directory", str(folder), "--config-file", str(SETTINGS)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=300, cwd=chart.ROOT)
