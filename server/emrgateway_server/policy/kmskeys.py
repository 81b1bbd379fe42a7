"""Every encryption key that a request names, by whatever channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emrgateway_server.policy.channels import Channels
from emrgateway_server.policy.named import Named

_OVERRIDES = "configuration_overrides"
_MONITORING = f"{_OVERRIDES}.monitoring_configuration"
_MEMBERS = (
    ("s3MonitoringConfiguration", "s3_monitoring_configuration"),
    ("managedPersistenceMonitoringConfiguration", "managed_persistence_monitoring_configuration"),
    ("cloudWatchLoggingConfiguration", "cloud_watch_logging_configuration"),
)
_ARN = re.compile(r"arn\s*:[^:]*:\s*kms\s*:", re.IGNORECASE)


def kms_keys(overrides: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """The monitoring and disk configurations' keys, and those of every setting that names one."""
    monitoring = overrides.get("monitoringConfiguration") or {}
    for group, path in _MEMBERS:
        value = (monitoring.get(group) or {}).get("encryptionKeyArn")
        if value:
            yield Named(value, f"{_MONITORING}.{path}.encryption_key_arn", sensitive=False)
    value = (overrides.get("diskEncryptionConfiguration") or {}).get("encryptionKeyArn")
    if value:
        yield Named(value, f"{_OVERRIDES}.disk_encryption_configuration.encryption_key_arn", sensitive=False)
    for pair in channels.telling:
        value = pair.value
        if value and (pair.meaning.is_kms_key or (":" in value and _ARN.search(value))):
            yield pair.named(value)
