"""Where a request sends logs, events and metrics, as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from emrgateway_server.policy import catalogue
from emrgateway_server.policy.channels import Channels, Pair
from emrgateway_server.policy.environment import is_java
from emrgateway_server.policy.javaoptions import written
from emrgateway_server.policy.named import Named

_MONITORING = "configuration_overrides.monitoring_configuration"
_MEMBERS = (
    ("s3MonitoringConfiguration", "logUri", "s3_monitoring_configuration.log_uri"),
    ("cloudWatchLoggingConfiguration", "logGroupName", "cloud_watch_logging_configuration.log_group_name"),
    ("prometheusMonitoringConfiguration", "remoteWriteUrl", "prometheus_monitoring_configuration.remote_write_url"),
)
_LONGEST = 1_024  # AWS's most for a property's key; a longer one is no one's
_ENDPOINTS = ("url", "uri", "host", "hostname", "address", "endpoint", "server", "servers", "broker", "brokers")
_SINK = ".sink."
_APPENDER = re.compile(r"(?:log4j\d?\.)?(?:appender|logger)\.", re.IGNORECASE)


def destinations(overrides: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """The monitoring configuration's, and those of every key that sends logs, events or metrics elsewhere."""
    monitoring = overrides.get("monitoringConfiguration") or {}
    for group, member, path in _MEMBERS:
        value = (monitoring.get(group) or {}).get(member)
        if value:
            yield Named(value, f"{_MONITORING}.{path}", sensitive=False)
    for pair in channels.pairs:
        if pair.value and _sends(pair):
            yield pair.named(pair.value)
        elif is_java(pair.key, pair.variable):
            for location, start in written(pair.value):
                yield pair.named(location, offset=start)


def _sends(pair: Pair) -> bool:
    if pair.key in catalogue.DESTINATIONS or pair.hadoop in catalogue.HADOOP_DESTINATIONS or len(pair.key) > _LONGEST:
        return True
    if pair.key.startswith("spark.openlineage."):
        return pair.key.lower().endswith(_ENDPOINTS)
    if pair.key.startswith("spark.metrics.conf.") or "metrics" in pair.classification:
        return _SINK in pair.key.lower() and pair.key.lower().endswith(_ENDPOINTS)
    if "log4j" not in pair.classification or not _APPENDER.match(pair.key):
        return False
    return pair.key.lower().endswith(_ENDPOINTS)
