"""Certificates for tests, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def self_signed(folder: Path) -> dict[str, str]:
    """A certificate for 127.0.0.1 that is its own root, and its key."""
    folder.mkdir()
    files = {"certificate": str(folder / "tls.crt"), "key": str(folder / "tls.key")}
    make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    name = ["-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1"]
    openssl = shutil.which("openssl") or "openssl"
    command = [openssl, *make, *name, "-keyout", files["key"], "-out", files["certificate"]]
    subprocess.run(command, check=True, capture_output=True)
    return files
