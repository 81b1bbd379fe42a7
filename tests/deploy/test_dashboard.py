"""The dashboard and the rules on a live Prometheus before a live gateway: `make rules` runs these."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.request import ProxyHandler, build_opener

import grpc
import pytest

from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceStub
from emrgateway_sandbox import Sandbox
from tests.identity.authority import Authority
from tests.identity.doors import OPTIONS, TRUST_DOMAIN, issuer
from tests.identity.key_server import KeyServer
from tests.identity.tokens import SigningKey
from tests.server import jobs
from tests.server.gateways import PATIENCE_SECONDS, Gateway, configuration, serving

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
CALLER = f"spiffe://{TRUST_DOMAIN}/ns/data-eng/sa/etl"
EXPIRES = "EmrGatewayCertificateExpiresSoon"
SCRAPED_EACH_SECONDS = 1
# A mark on the time axis, where a policy changed.
QUIET = {"Policy changes"}

pytestmark = pytest.mark.skipif(not COMMAND, reason="make rules says where prometheus is")


@dataclass
class Running:
    """A gateway, where its metrics are, and how to be somebody to it, or nobody."""

    gateway: Gateway
    token_target: str
    metrics: str
    somebody: grpc.ChannelCredentials
    nobody: grpc.ChannelCredentials


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A gateway with all that it can have. Calls wait for a turn, and its spans find no collector."""
    folder = tmp_path_factory.mktemp("gateway")
    authority = Authority()
    (folder / "ca.crt").write_bytes(authority.pem)
    caller = authority.workload([CALLER])
    with Sandbox() as sandbox, contextlib.closing(KeyServer([SigningKey("one", "EC").jwk])) as keys:
        settings = configuration(
            sandbox.url,
            listen_token="127.0.0.1:0",  # noqa: S106 - an address
            metrics="127.0.0.1:0",
            tls={**authority.server().write(folder), "client_ca": str(folder / "ca.crt")},
            identity={"mtls": {"trust_domain": TRUST_DOMAIN}, "jwt": [issuer(jwks_url=keys.url)]},
        )
        settings["targets"][0]["rates"] = {"StartJobRun": {"per_second": 4, "burst": 1}}
        with serving(folder / "served", settings, POLICY, environment=NO_COLLECTOR) as gateway:
            somebody = grpc.ssl_channel_credentials(authority.pem, caller.key, caller.certificate)
            nobody = grpc.ssl_channel_credentials(authority.pem)
            yield Running(gateway, gateway.token_target, gateway.metrics, somebody, nobody)


@pytest.fixture(scope="module")
def watched(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus before it, when it has seen the calls of two moments."""
    with prometheus(COMMAND, running.metrics, dashboard.RULES, tmp_path_factory.mktemp("prometheus")) as watching:
        for _ in range(2):
            _use(running)
            time.sleep(3 * SCRAPED_EACH_SECONDS)
        yield watching


@pytest.mark.parametrize(("title", "query"), list(dashboard.queries()))
def test_each_query_shows_something(watched: Prometheus, title: str, query: str) -> None:
    """Prometheus understands it, and it comes to numbers, unless it is of what has not happened here."""
    assert watched.samples(query) or title in QUIET


def test_no_rule_fails(watched: Prometheus) -> None:
    """Each rule is evaluated without an error; what is wrong with this gateway is its certificate of an hour."""
    within(lambda: all(rule["health"] == "ok" for rule in _rules(watched)))
    within(lambda: {rule["name"] for rule in _rules(watched) if rule.get("state") == "firing"} == {EXPIRES})


def test_each_metric_is_one_of_the_gateways(running: Running, watched: Prometheus) -> None:
    """No query or rule speaks of a metric that the gateway does not have."""
    assert watched.samples("up == 1")
    with build_opener(ProxyHandler({})).open(f"http://{running.metrics}/metrics", timeout=10) as page:
        families = re.findall(r"^# TYPE (\S+) ", page.read().decode(), re.MULTILINE)
    spoken = [*(query for _, query in dashboard.queries()), *(rule["expr"] for rule in dashboard.rules())]
    known = {re.sub("_total$", "", family) for family in families}
    assert set().union(*map(dashboard.metrics, spoken)) <= known


def _use(running: Running) -> None:
    """A start and its repeat, more of them than may start at once, a refusal, a mistake, and somebody unknown."""
    job = jobs.job()
    asked = [job, job, jobs.job(), jobs.job(), jobs.job(name="refused"), jobs.job(executionRoleArn="nobody")]
    doors = [(running.gateway.target, running.somebody, asked), (running.token_target, running.nobody, [job])]
    for target, credentials, requests in doors:
        with grpc.secure_channel(target, credentials, OPTIONS) as channel:
            for request in requests:
                with contextlib.suppress(grpc.RpcError):
                    JobRunServiceStub(channel).StartJobRun(request, timeout=PATIENCE_SECONDS)


def _rules(watched: Prometheus) -> list[dict[str, str]]:
    return [rule for group in watched.asked("rules")["groups"] for rule in group["rules"]]
