"""What Prometheus is told of the policy in force."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from emrgateway_server.policy_source import PolicySource


class PolicyMetrics(Collector):
    """Reads the source at each scrape."""

    def __init__(self, source: PolicySource) -> None:
        self._source = source

    def collect(self) -> Iterator[Metric]:
        """The metrics as of now."""
        source = self._source
        yield InfoMetricFamily(
            "emr_gateway_policy", "The policy in force, by its digest.", {"digest": source.engine.digest}
        )
        yield GaugeMetricFamily(
            "emr_gateway_policy_age_seconds", "How long ago the policy in force was loaded.", source.age_seconds
        )
        yield GaugeMetricFamily(
            "emr_gateway_policy_last_load_successful",
            "1 where the last load of the policy directory succeeded, 0 where an older policy stays in force.",
            float(source.is_current),
        )
        yield CounterMetricFamily(
            "emr_gateway_policy_reload_failures",
            "Loads of the policy directory that failed since the gateway started.",
            source.failures,
        )
