"""What the environment says to those who serve this machine alone: the demo, and `emr-gateway dev`.

A shell that is set up for real accounts (a profile, proxies, a gateway's address) must not reach into a sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_OBEYED = ("AWS_", "EMR_GATEWAY_")
_TELEMETRY = "OTEL_"
_LOCAL = "127.0.0.1,localhost,::1"
# boto3 signs with the keys; the sandbox takes any. The files may be for other tools' eyes, or broken.
_SANDBOX = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


def on_loopback(environment: Mapping[str, str], *, traced: bool) -> dict[str, str]:
    """An environment less what the gateway and boto3 would obey, with loopback reached past any proxy.

    `traced` keeps what `OTEL_*` says: somebody may look at the traces.
    """
    left_out = _OBEYED if traced else (*_OBEYED, _TELEMETRY)
    kept = {name: value for name, value in environment.items() if not name.upper().startswith(left_out)}
    direct = _with_local(kept.get("no_proxy", kept.get("NO_PROXY", "")))
    return {**kept, "no_proxy": direct, "NO_PROXY": direct, **_SANDBOX}


def _with_local(names: str) -> str:
    """More hosts that no proxy is asked for; all there are stay all."""
    return names if names.strip() == "*" else ",".join(filter(None, [names, _LOCAL]))
