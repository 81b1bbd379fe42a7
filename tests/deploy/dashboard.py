"""The dashboard's queries and the rules' expressions, as Prometheus gets them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from .chart import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "emr-gateway.json"
RULES = ROOT / "deploy" / "prometheus" / "rules.yaml"
# What Grafana puts in place of its variables.
_VARIABLES = {"$namespace": ".*", "$job": ".*", "$__rate_interval": "1m"}
_METRIC = re.compile(r"\b(?:emr_gateway|rpc_server|rpc_client|process)_[a-z_]+\b")


def panels() -> list[dict[str, Any]]:
    """The panels that ask something."""
    drawn = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in drawn if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Each query with its panel's title, the annotations' with theirs."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], _filled(target["expr"])
    for note in json.loads(DASHBOARD.read_text(encoding="utf-8"))["annotations"]["list"]:
        yield note["name"], _filled(note["expr"])


def rules() -> list[dict[str, Any]]:
    """Every rule, recording or alerting."""
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The alerting ones."""
    return [rule for rule in rules() if "alert" in rule]


def metrics(expression: str) -> set[str]:
    """The gateway's metrics that an expression speaks of, as their families are named."""
    bare = re.sub(r'"[^"]*"|emr_gateway:\S+', "", expression)
    return {re.sub(r"_(?:total|bucket|count)$", "", name) for name in _METRIC.findall(bare)}


def _filled(query: str) -> str:
    for variable, value in _VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return query
