"""The dashboard and the rules on a live Prometheus before a live gateway: `make rules` runs these."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from urllib.request import ProxyHandler, build_opener

import grpc
import pytest

from emrgateway_sandbox import Sandbox
from tests.server import jobs
from tests.server.gateways import Gateway, configuration, serving

from . import dashboard
from .prometheus import Prometheus, prometheus, within

COMMAND = os.environ.get("PROMETHEUS", "")
POLICY = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {name: tried}
grants: [{actions: [start, get, list, cancel, watch], applications: ["**"], roles: ["**"]}]
rules:
  - {id: timeout, field: execution_timeout_minutes, default: 60}
  - {id: name, field: name, deny: [refused]}
  - {id: team, field: tags.team, required: true, mode: warn}
"""
NO_COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "200"}
# What a gateway that is well, alone on loopback and asked for a minute has nothing to show in.
SCRAPED_EACH_SECONDS = 1
QUIET = {"Age of issuers' keys", "Days left of certificates", "No identity, by reason", "Policy changes"}

# Of certificates, issuers and callers without identity, which a gateway on loopback does without.
OF_OTHER_PORTS = {
    "emr_gateway_certificate_last_load_successful",
    "emr_gateway_certificate_not_after_seconds",
    "emr_gateway_jwks_age_seconds",
    "emr_gateway_unauthenticated",
}

pytestmark = pytest.mark.skipif(not COMMAND, reason="make rules says where prometheus is")


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, str]]:
    """A gateway, and where its metrics are. Calls wait for a turn, and its spans find no collector."""
    folder = tmp_path_factory.mktemp("gateway")
    with Sandbox() as sandbox:
        settings = configuration(sandbox.url, metrics="127.0.0.1:0")
        settings["targets"][0]["rates"] = {"StartJobRun": {"per_second": 4, "burst": 1}}
        with serving(folder, settings, POLICY, environment=NO_COLLECTOR) as running:
            yield running, running.metrics


@pytest.fixture(scope="module")
def watched(metrics: tuple[Gateway, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus before it, when it has seen the calls of two moments."""
    gateway, target = metrics
    with prometheus(COMMAND, target, dashboard.RULES, tmp_path_factory.mktemp("prometheus")) as running:
        for _ in range(2):
            _use(gateway)
            time.sleep(3 * SCRAPED_EACH_SECONDS)
        yield running


@pytest.mark.parametrize(("title", "query"), list(dashboard.queries()))
def test_each_query_shows_something(watched: Prometheus, title: str, query: str) -> None:
    """Prometheus understands it, and it comes to numbers, unless it is of what has not happened here."""
    assert watched.samples(query) or title in QUIET


def test_no_rule_fails(watched: Prometheus) -> None:
    """Each rule is evaluated without an error, and a gateway that is well sets off none."""
    within(lambda: all(rule["health"] == "ok" for rule in _rules(watched)))
    assert {rule["name"] for rule in _rules(watched) if rule.get("state") == "firing"} == set()


def test_each_metric_is_one_of_the_gateways(metrics: tuple[Gateway, str], watched: Prometheus) -> None:
    """No query or rule speaks of a metric that the gateway does not have."""
    assert watched.samples("up == 1")
    with build_opener(ProxyHandler({})).open(f"http://{metrics[1]}/metrics", timeout=10) as page:
        families = re.findall(r"^# TYPE (\S+) ", page.read().decode(), re.MULTILINE)
    spoken = [*(query for _, query in dashboard.queries()), *(rule["expr"] for rule in dashboard.rules())]
    known = {re.sub("_total$", "", family) for family in families}
    assert set().union(*map(dashboard.metrics, spoken)) - known <= OF_OTHER_PORTS


def _use(gateway: Gateway) -> None:
    """A start and its repeat, a refusal, and a mistake."""
    job = jobs.job()
    for request in (job, job, jobs.job(), jobs.job(), jobs.job(name="refused"), jobs.job(executionRoleArn="nobody")):
        with contextlib.suppress(grpc.RpcError):
            gateway.start(request)


def _rules(running: Prometheus) -> list[dict[str, str]]:
    return [rule for group in running.asked("rules")["groups"] for rule in group["rules"]]
