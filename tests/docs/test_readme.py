"""The README's examples run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emrgateway_server import engines, status
from emrgateway_server.caller import Caller

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = Path(sys.executable).with_name("emr-gateway")
TARGET = "127.0.0.1:50051"  # the README's
# A shell that is set up for other things; nothing listens on port 9.
NEWCOMER = {
    "AWS_PROFILE": "nope",
    "AWS_CONFIG_FILE": __file__,
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    **dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("all_proxy", "ALL_PROXY", "grpc_proxy"), "http://127.0.0.1:9"),
    "no_proxy": "example.com",
    "EMR_GATEWAY_LISTEN": "127.0.0.1:fifty",
}
UNTRACED = {
    "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    "OTEL_PROPAGATORS": "nope",
    "OTEL_SDK_DISABLED": "true",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_TRACES_SAMPLER": "always_off",
}


def _tested(language: str) -> str:
    (block,) = re.findall(rf"<!-- tested: tests/docs -->\n```{language}\n(.*?)```", README, re.DOTALL)
    return str(block)


@pytest.fixture
def dev_target() -> Iterator[str]:
    """A gateway as `make dev` leaves it running, on a port of its own, whatever the shell has set."""
    arguments = ["dev", "--listen", "127.0.0.1:0", "--policy", "deploy/demo/policy", "--label", "team=data-eng"]
    environment = {**os.environ, **NEWCOMER}
    process = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.startswith("listening on "):
                yield line.split()[-1]
                break
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
        process.stdout.close()


def test_the_python_example_starts_a_job(dev_target: str) -> None:
    """The example, pasted into a file, prints a job run id against a gateway with the demo's policy."""
    example = _tested("python").replace(TARGET, dev_target)
    ran = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stderr
    assert re.fullmatch(r"[0-9a-z]+\n", ran.stdout)


def test_the_policy_example_loads_and_does_what_it_says(tmp_path: Path) -> None:
    """The policy in the README is one, caps the timeout, and grants the role it names."""
    (tmp_path / "policy.yaml").write_text(_tested("yaml"), encoding="utf-8")
    caller = Caller("spiffe://prod.example.com/ns/data-eng/sa/etl", {"team": "data-eng"})
    request = {
        "applicationId": "00f1qr8s3v6pd409",
        "executionRoleArn": "arn:aws:iam::123456789012:role/emr/data-eng/etl",
        "executionTimeoutMinutes": 0,
        "tags": {"cost-center": "CC-1042"},
    }
    decision = engines.load(tmp_path).judge(caller, request, {})
    assert decision.allowed, decision.violations
    assert decision.request == {
        **request,
        "executionTimeoutMinutes": 720,
        "tags": {"cost-center": "CC-1042", "team": "data-eng"},
    }


def test_the_error_table_has_every_reason() -> None:
    """Each reason that the server can give stands in a row of the README's table, beside its code."""
    rows = re.findall(r"^\| [^|]+ \| ([A-Z_;, ]+) \| ([A-Z_;, ]+) \|$", README, re.MULTILINE)
    told = {(code, reason) for codes, reasons in rows for code in _split(codes) for reason in _split(reasons)}
    given = {(code.name, kind.reason) for kind, code in status.CODES.items()}
    assert given - told == set()
    assert {reason for _, reason in told} == {reason for _, reason in given}


def _split(cell: str) -> list[str]:
    return re.split("[;,] ", cell)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"emr-gateway ((?:job )?[a-z]+) -", README))))
def test_the_commands_exist(command: str) -> None:
    """Each command that the README names has a help of its own."""
    ran = subprocess.run([COMMAND, *command.split(), "--help"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_make_targets_exist() -> None:
    """Each `make` target that the documents name is in the Makefile."""
    documents = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:\$ |`)make ([a-z-]+)", documents))
    assert (
        targets - set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        == set()
    )


@pytest.mark.parametrize("environment", [{}, {**NEWCOMER, **UNTRACED}], ids=["a plain shell", "a newcomer's shell"])
def test_the_demo_comes_true(environment: dict[str, str]) -> None:
    """`make demo`'s program exits 0 and shows the run, the changes, the refusal and the trace, in any shell."""
    ran = subprocess.run(
        [sys.executable, "deploy/demo/demo.py"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=110,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stderr
    for said in ("job run ", "2880 -> 720", "POLICY_VIOLATION", "grant/role", "policy.evaluate", "CLIENT"):
        assert said in ran.stdout
