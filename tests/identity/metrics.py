"""What a gateway tells Prometheus."""

from __future__ import annotations

import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.server.gateways import PATIENCE_SECONDS

_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def samples(address: str, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """The samples of one name, by their labels."""
    with _OPENER.open(f"http://{address}/metrics", timeout=PATIENCE_SECONDS) as reply:
        text = reply.read().decode()
    return {
        frozenset(sample.labels.items()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }
