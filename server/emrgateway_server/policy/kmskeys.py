"""Every encryption key that a request names, by whatever channel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emrgateway_server.policy.channels import Channels, Pair
from emrgateway_server.policy.named import Named

_OVERRIDES = "configuration_overrides"
_MONITORING = f"{_OVERRIDES}.monitoring_configuration"
_MEMBERS = (
    ("s3MonitoringConfiguration", "s3_monitoring_configuration"),
    ("managedPersistenceMonitoringConfiguration", "managed_persistence_monitoring_configuration"),
    ("cloudWatchLoggingConfiguration", "cloud_watch_logging_configuration"),
)
# EMRFS (fs.s3.serverSideEncryption.kms.keyId, fs.s3.cse.kms.keyId), s3a (fs.s3a.encryption.key and its older
# fs.s3a.server-side-encryption.key), each a bucket too, and Iceberg's and Glue's (…s3.sse.key, …kms.key-arn).
_HEAD = re.compile(
    r"(?:^|\.)(?:kms|cse|sse|(?:server-?side-?)?encryption)(?:[.-]|(?=key[.-]?(?:id|arn)?$))", re.IGNORECASE
)
_TAIL = re.compile(r"key[.-]?(?:id|arn)?$", re.IGNORECASE)
_FILE_SYSTEMS = re.compile(r"(?:^|\.)(?:fs\.s3[an]?|s3|glue|catalog|hive|kms)\.", re.IGNORECASE)
_LONGEST = 1_024  # AWS's most for a property's key
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
    for pair in channels.pairs:
        if pair.value and _names_a_key(pair):
            yield pair.named(pair.value)


def _names_a_key(pair: Pair) -> bool:
    key, value = pair.hadoop or pair.key, pair.value
    if ":" in value and _ARN.search(value):
        return True
    if len(key) > _LONGEST:
        return True  # no one's key; nor is it worth a close look
    return bool(_TAIL.search(key[-8:]) and _HEAD.search(key) and _FILE_SYSTEMS.search(key))
