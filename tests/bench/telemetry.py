"""What telemetry costs: the CPU of one StartJobRun in a real gateway, against one without it: `make bench`."""

# ruff: noqa: T201 - a benchmark prints
from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from emrgateway_client import load_request
from tests.server.faulty_aws import faulty_aws
from tests.server.gateways import Gateway, configuration, serving
from tests.server.otlp import collecting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest

ROUNDS = 7
CALLS = 150
DEMO = Path(__file__).parents[2] / "deploy" / "demo"
OFF = "off"


def main() -> None:
    """Print the table."""
    request = load_request(DEMO / "job.yaml")
    policies = {file.name: file.read_text(encoding="utf-8") for file in (DEMO / "policy").glob("*.yaml")}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        aws = stack.enter_context(faulty_aws())
        collector = stack.enter_context(collecting())
        rate = {"StartJobRun": {"per_second": 1e6, "burst": 1_000_000}}
        settings = configuration(
            aws.url,
            callers=[{"match": "**", "labels": {"team": "data-eng"}}],
            audit={"path": str(folder / "audit.jsonl")},
        )
        settings["targets"][0]["rates"] = rate
        gateways = {
            name: stack.enter_context(serving(folder / name, settings, policies, environment=environment))
            for name, environment in _variants(collector.environment).items()
        }
        spent: dict[str, list[float]] = {name: [] for name in gateways}
        for number in range(ROUNDS + 1):
            for name, gateway in gateways.items():
                microseconds = _spent(gateway, request, f"{name}-{number}")
                if number:  # the first warms up
                    spent[name].append(microseconds)
    for name, figures in spent.items():
        ratio = median(one / off for one, off in zip(figures, spent[OFF], strict=True))
        print(f"telemetry {name:14} {median(figures):8.0f} µs CPU a call   {ratio - 1:+7.1%} over off")


def _variants(collected: Mapping[str, str]) -> dict[str, dict[str, str]]:
    sampled = {**collected, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}
    return {
        OFF: {"OTEL_SDK_DISABLED": "true"},
        "metrics alone": {},
        "1% of calls": {**sampled, "OTEL_TRACES_SAMPLER_ARG": "0.01"},
        "100% of calls": {**sampled, "OTEL_TRACES_SAMPLER_ARG": "1"},
    }


def _spent(gateway: Gateway, request: StartJobRunRequest, name: str) -> float:
    """Microseconds of the gateway's CPU a call."""
    before = _cpu_seconds(gateway.pid)
    for number in range(CALLS):
        request.client_token = f"{name}-{number}".replace(" ", "_").replace("%", "_")
        gateway.start(request)
    return (_cpu_seconds(gateway.pid) - before) / CALLS * 1e6


def _cpu_seconds(pid: int) -> float:
    """What a process has spent, in all its threads, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((task / "schedstat").read_text(encoding="utf-8").split()[0]) for task in tasks.iterdir()) / 1e9


if __name__ == "__main__":
    main()
