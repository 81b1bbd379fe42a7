"""What is counted as calls go by."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Counter

_OUTCOMES = Counter(
    "emr_gateway_policy_outcomes",
    "Judgements, dry runs included, in which a rule changed, warned of or denied something.",
    ("rule", "verdict", "mode"),
)


def count_outcomes(outcomes: Iterable[tuple[str, str, str]]) -> None:
    """Count what rules made of one request: the rule's full id, its verdict and its mode, each once a request."""
    for labels in set(outcomes):
        _OUTCOMES.labels(*labels).inc()
