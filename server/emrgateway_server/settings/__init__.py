"""`gateway.yaml` and `EMR_GATEWAY_*` → frozen settings. The only reader of the environment."""

from emrgateway_server.settings.reading import Reading, environment, load, read
from emrgateway_server.settings.sections import (
    Audit,
    IdentitySettings,
    JwtSettings,
    Limits,
    Settings,
    TargetSettings,
    Tls,
)
from emrgateway_server.settings.values import is_loopback, split_address

__all__ = [
    "Audit",
    "IdentitySettings",
    "JwtSettings",
    "Limits",
    "Reading",
    "Settings",
    "TargetSettings",
    "Tls",
    "environment",
    "is_loopback",
    "load",
    "read",
    "split_address",
]
