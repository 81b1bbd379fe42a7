"""Three gateways that share a ledger, the sandbox behind them, and what kills and restarts them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emrgateway_sandbox import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

REPLICAS = 3
SKEW_SECONDS = (0, 120, -120)
ACCOUNT, REGION = "123456789012", "us-east-1"
PATIENCE_SECONDS = 60
SERVE = (sys.executable, "-m", "emrgateway_server")
WAYWARD = (sys.executable, str(Path(__file__).with_name("wayward_gateway.py")))
_POLICY = """\
apiVersion: emrgateway/v1
kind: Policy
metadata: {{name: everything}}
grants:
  - {{actions: [start, get, list, cancel, watch], applications: ["**"], roles: ["**"], runs: all}}
rules:
  - {{id: timeout, field: execution_timeout_minutes, set: {minutes}}}
"""
_OBEYED = ("AWS_", "EMR_GATEWAY_", "OTEL_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GRPC_")
_MEASURING = ("COVERAGE_", "COV_")  # coverage doubles what these processes cost, and they are killed before they tell
_FAULT_SECONDS = 1.0


class Replica:
    """One gateway on a port that it keeps through restarts."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], *, command: Sequence[str], skew: float) -> None:
        self._folder = folder
        self._command = command
        self._skew = skew
        self.address = f"127.0.0.1:{_port()}"
        self.in_flight = 0
        (folder / "policy").mkdir(parents=True)
        self.rewrite_policy(300)
        own = {
            "listen": self.address,
            "audit": {"path": str(folder / "audit.jsonl")},
        }  # nobody reads its standard output
        (folder / "gateway.yaml").write_text(json.dumps({**settings, **own}), encoding="utf-8")
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._folder / "stderr").open("a", encoding="utf-8") as stderr:
            self._process = subprocess.Popen(
                [*self._command, "serve", "--config", str(self._folder / "gateway.yaml"), "--log-level", "ERROR"],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=_environment(SKEW_SECONDS=str(self._skew)),
            )
        if self._process.stdout is None or not self._process.stdout.readline().startswith("listening on"):
            self.end(signal.SIGKILL)
            raise RuntimeError((self._folder / "stderr").read_text(encoding="utf-8"))

    def end(self, number: signal.Signals) -> int:
        """Send it a signal, and wait for its end; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            if process.stdout is not None:
                process.stdout.close()

    def rewrite_policy(self, minutes: int) -> None:
        """Change what policy makes of a request, in one step."""
        new = self._folder / "policy.new"
        new.write_text(_POLICY.format(minutes=minutes), encoding="utf-8")
        new.replace(self._folder / "policy" / "policy.yaml")

    @property
    def errors(self) -> str:
        """What it has said of itself."""
        return (self._folder / "stderr").read_text(encoding="utf-8")


class AwsProcess:
    """`emr-gateway sandbox`, in a process of its own."""

    def __init__(self) -> None:
        command = Path(sys.executable).with_name("emr-gateway")
        self._process = subprocess.Popen([command, "sandbox"], stdout=subprocess.PIPE, text=True, env=_environment())
        if self._process.stdout is None:
            raise AssertionError
        self.url = self._process.stdout.readline().split()[-1]

    def play(self, share: float) -> None:
        """Play every fault to that share of the calls that no other fault has met."""
        for fault in FAULTS:
            self._asked("POST", "faults", {"fault": fault, "share": share, "times": None, "seconds": _FAULT_SECONDS})

    def play_once(self, fault: str, application: str, seconds: float) -> None:
        """Play a fault to the next call for an application."""
        self._asked("POST", "faults", {"fault": fault, "application_id": application, "seconds": seconds})

    @property
    def played(self) -> dict[str, int]:
        """How often each fault was."""
        played: dict[str, int] = self._asked("GET", "faults")["played"]
        return played

    @property
    def runs(self) -> list[dict[str, Any]]:
        """The job runs."""
        runs: list[dict[str, Any]] = self._asked("GET", "job-runs")["job_runs"]
        return runs

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _asked(self, method: str, page: str, content: object = None) -> Any:  # noqa: ANN401 - any JSON
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{page}", data, method=method)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:  # noqa: S310 - as above
            return json.load(reply)


def settings(aws: str, ledger: Mapping[str, Any], number: int = 2) -> dict[str, Any]:
    """One replica's: the first cannot resolve the endpoint of some applications, the second cannot reach others."""
    rates = {name: {"per_second": 100_000, "burst": 1_000} for name in ("StartJobRun", "GetJobRun", "ListJobRuns")}
    broken = [("00dns*", "http://nothing.invalid"), ("00refused*", f"http://127.0.0.1:{_port()}")][number : number + 1]
    endpoints = [*broken, ("**", aws)]
    return {
        "metrics": None,
        "identity": {"insecure": {"caller": "spiffe://local/nobody"}},
        "policy": {"directory": "policy"},
        "targets": [
            {
                "name": glob,
                "account": ACCOUNT,
                "region": REGION,
                "endpoint_url": url,
                "applications": [glob],
                "rates": rates,
            }
            for glob, url in endpoints
        ],
        "ledger": dict(ledger),
        "limits": {"drain_pause_seconds": 0.3, "drain_seconds": 5, "max_deadline_seconds": 10},
    }


@contextlib.contextmanager
def fleet(
    folder: Path, aws: str, ledger: Mapping[str, Any], command: Sequence[str] = WAYWARD
) -> Iterator[list[Replica]]:
    """Three that serve; the third goes on where its ledger fails, and two have clocks that are wrong."""
    made = [
        Replica(
            folder / str(number),
            settings(aws, {**ledger, "on_error": "continue" if number == REPLICAS - 1 else "fail"}, number),
            command=command,
            skew=SKEW_SECONDS[number],
        )
        for number in range(REPLICAS)
    ]
    starting = [threading.Thread(target=replica.start) for replica in made]
    try:
        for thread in starting:
            thread.start()
        for thread in starting:
            thread.join()
        yield made
    finally:
        for replica in made:
            replica.end(signal.SIGKILL)


def _port() -> int:
    """A port for a gateway to keep: below those that the system gives to clients while a gateway is down."""
    while True:
        port = random.randrange(15_000, 30_000)  # noqa: S311 - no secret
        with socket.socket() as bound, contextlib.suppress(OSError):
            bound.bind(("127.0.0.1", port))
            return port


def _environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(_OBEYED + _MEASURING)}
    keys = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
    return {**kept, **keys, "AWS_EC2_METADATA_DISABLED": "true", **variables}


def wait_until(holds: Any, what: str) -> None:  # noqa: ANN401 - a function
    """Wait for something that must come."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(what)
        time.sleep(0.005)
