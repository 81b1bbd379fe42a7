"""`emr-gateway dev` in the shell of somebody who works with real accounts."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from emrgateway_client import Client
from emrgateway_server.surroundings import on_loopback

from .jobs import job
from .otlp import Collector, collecting

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    with collecting() as running:
        yield running


def test_telemetry_stays_the_users(collector: Collector) -> None:
    """What `OTEL_*` says is kept, and no proxy keeps dev from a collector, or from the sandbox, on loopback."""
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), _NOBODY)
    environment = {**os.environ, **proxies, "AWS_PROFILE": "nope", "OTEL_SERVICE_NAME": "mine", **collector.environment}
    arguments = [sys.executable, "-m", "emrgateway_server", "dev", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        sandbox, target = (process.stdout.readline().split()[-1] for _ in range(2))
        with Client(target) as client:
            assert client.start_job_run(job()).job_run_id, sandbox
        process.terminate()
        assert process.wait(30) == 0
    assert "EMR Serverless/StartJobRun" in [span.name for span in collector.spans]
    assert collector.resource["service.name"] == "mine"


@pytest.mark.parametrize(
    ("given", "no_proxy"),
    [
        ({}, "127.0.0.1,localhost,::1"),
        ({"no_proxy": "a,b", "NO_PROXY": "c"}, "a,b,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "c"}, "c,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_what_is_kept_and_what_is_not(given: dict[str, str], no_proxy: str) -> None:
    """AWS's and the gateway's variables go, the user's hosts without a proxy stay, telemetry stays where wanted."""
    shell = {"AWS_PROFILE": "p", "aws_region": "r", "EMR_GATEWAY_LISTEN": "l", "OTEL_SDK_DISABLED": "true", "HOME": "h"}
    settled = on_loopback({**shell, **given}, traced=True)
    assert (settled["no_proxy"], settled["NO_PROXY"]) == (no_proxy, no_proxy)
    assert shell.keys() & settled.keys() == {"OTEL_SDK_DISABLED", "HOME"}
    assert "OTEL_SDK_DISABLED" not in on_loopback(shell, traced=False)
