"""`emr-gateway dev`: the sandbox and a gateway before it, in one process, on loopback."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emrgateway_sandbox import Sandbox
from emrgateway_server import app
from emrgateway_server.settings import Settings, environment, is_loopback, split_address
from emrgateway_server.surroundings import on_loopback

ALLOW_EVERYTHING = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: dev}
grants:
  - {actions: [start, get, list, cancel, watch], applications: ["**"], roles: ["**"], runs: all}
"""


def run(listen: str, policy: str | None, caller: str, labels: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; 0. `labels` are `KEY=VALUE`. ValueError where it cannot."""
    if not is_loopback(split_address(listen)[0]):
        raise ValueError(f"dev serves loopback alone: listen on 127.0.0.1, not on {listen}")
    if not all("=" in label for label in labels):
        raise ValueError("a label is KEY=VALUE")
    settled = on_loopback(environment(), traced=True)
    os.environ.clear()
    os.environ.update(settled)
    with tempfile.TemporaryDirectory(prefix="emr-gateway-") as directory, Sandbox() as sandbox:
        Path(directory, "dev.yaml").write_text(ALLOW_EVERYTHING, encoding="utf-8")
        print(f"sandbox on {sandbox.url}", flush=True)  # noqa: T201 - a command prints
        settings = Settings.model_validate(
            {
                "listen": listen,
                "metrics": None,
                "identity": {"insecure": {"caller": caller}},
                "callers": [{"match": "**", "labels": dict(label.split("=", 1) for label in labels)}],
                "policy": {"directory": policy or directory},
                "targets": [
                    {
                        "name": "sandbox",
                        "account": "123456789012",
                        "region": "us-east-1",
                        "endpoint_url": sandbox.url,
                    }
                ],
                "limits": {"drain_pause_seconds": 0},
            }
        )
        return app.serve(settings, environment())
