"""Where a request sends logs, events and metrics, as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emrgateway_server.policy.channels import Channels
from emrgateway_server.policy.javaoptions import written
from emrgateway_server.policy.named import Named

_MONITORING = "configuration_overrides.monitoring_configuration"
_MEMBERS = (
    ("s3MonitoringConfiguration", "logUri", "s3_monitoring_configuration.log_uri"),
    ("cloudWatchLoggingConfiguration", "logGroupName", "cloud_watch_logging_configuration.log_group_name"),
    ("prometheusMonitoringConfiguration", "remoteWriteUrl", "prometheus_monitoring_configuration.remote_write_url"),
)


def destinations(overrides: Mapping[str, Any], channels: Channels) -> Iterator[Named]:
    """The monitoring configuration's, and those of every key that sends logs, events or metrics elsewhere."""
    monitoring = overrides.get("monitoringConfiguration") or {}
    for group, member, path in _MEMBERS:
        value = (monitoring.get(group) or {}).get(member)
        if value:
            yield Named(value, f"{_MONITORING}.{path}", sensitive=False)
    for pair in channels.telling:
        if pair.value and (pair.meaning.sends or (pair.meaning.is_cluster and "://" in pair.value)):
            yield pair.named(pair.value)
        elif pair.meaning.is_java:
            for location, start in written(pair.value):
                yield pair.named(location, offset=start)
