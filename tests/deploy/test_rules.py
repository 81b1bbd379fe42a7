"""Each alert is tried, explained and answered; `make rules` tries them by Prometheus itself."""

from __future__ import annotations

import re

import pytest
import yaml

from . import chart, dashboard

TRIED = (chart.ROOT / "tests" / "deploy" / "rules.tests.yaml").read_text(encoding="utf-8")
RUNBOOK = (chart.ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
NAMES = [alert["alert"] for alert in dashboard.alerts()]


@pytest.mark.parametrize("alert", dashboard.alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_is_tried(alert: dict[str, object]) -> None:
    """It fires in a case of promtool's, and so stays silent in all the others."""
    assert f'alertname="{alert["alert"]}", alertstate="firing"' in TRIED


@pytest.mark.parametrize("alert", dashboard.alerts(), ids=lambda alert: alert["alert"])
def test_each_alert_says_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    """It has a severity, says what is wrong, and points to a section of the runbook that is there."""
    assert alert["labels"].keys() == {"severity"}
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert page == "deploy/README.md"
    assert anchor in {_anchor(heading) for heading in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}


def test_the_runbook_speaks_of_no_alert_that_is_gone() -> None:
    """Each section named after an alert has one, in the order of the rules."""
    assert re.findall(r"^#+ (EmrGateway\w+)$", RUNBOOK, re.MULTILINE) == NAMES


def test_the_chart_brings_them() -> None:
    """The PrometheusRule holds the rules as they are, with the runbook where the values say."""
    spec = chart.one(chart.manifests("production"), "PrometheusRule")["spec"]
    told = chart.values("production")["monitoring"]["rules"]["runbook"]
    assert spec == yaml.safe_load(dashboard.RULES.read_text(encoding="utf-8").replace("deploy/README.md", told))
    urls = [
        rule["annotations"]["runbook_url"] for group in spec["groups"] for rule in group["rules"] if "alert" in rule
    ]
    assert urls == [f"{told}#{name.lower()}" for name in NAMES]


def test_the_chart_brings_the_dashboard() -> None:
    """The ConfigMap holds the dashboard's file to the letter, under the label that Grafana's sidecar looks for."""
    brought = chart.one(chart.manifests("production"), "ConfigMap", "emr-gateway-dashboard")
    assert brought["data"] == {"emr-gateway.json": dashboard.DASHBOARD.read_text(encoding="utf-8").rstrip() + "\n"}
    assert brought["metadata"]["labels"]["grafana_dashboard"] == "1"


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
