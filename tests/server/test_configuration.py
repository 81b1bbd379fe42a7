"""A gateway that cannot be what its files say does not start: exit 2, every mistake with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .gateways import ALLOW_ALL, CALLER, configuration, refused_to_start, written
from .jobs import cases, job, named

if TYPE_CHECKING:
    from pathlib import Path

    from emrgateway_sandbox import Sandbox

    from .conftest import Serve

_NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize("case", cases("refused_files.yaml"), ids=named)
def test_files_that_are_refused(case: dict[str, Any], tmp_path: Path) -> None:
    """All mistakes at once on standard error, in the files' order, and nothing on standard output."""
    settings = case.get("gateway", configuration(_NOWHERE))
    file = written(tmp_path / "it", settings, case.get("policies", ALLOW_ALL))
    ended = refused_to_start(file, **case.get("environment", {}))
    assert (ended.code, ended.stdout) == (2, "")
    told = [line.replace(f"{file.parent}/", "") for line in ended.stderr.splitlines() if ": error: " in line]
    assert len(told) == len(case["want"]), ended.stderr
    for line, (place, words) in zip(told, case["want"], strict=True):
        assert line.startswith(f"{place}: error: "), line
        assert words in line
    assert "Traceback" not in ended.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The path is told."""
    ended = refused_to_start(tmp_path / "gateway.yaml")
    assert (ended.code, ended.stderr.strip()) == (
        2,
        f"{tmp_path / 'gateway.yaml'}: error: cannot be read: No such file or directory",
    )


def test_the_environment_overrides_scalars(sandbox: Sandbox, serve: Serve) -> None:
    """`EMR_GATEWAY_<PATH>` goes before the file; variables that name no key, as Kubernetes injects, are ignored."""
    environment = {
        "EMR_GATEWAY_IDENTITY__INSECURE__CALLER": "spiffe://local/ns/other/sa/x",
        "EMR_GATEWAY_TARGETS__0__ENDPOINT_URL": sandbox.url,
        "EMR_GATEWAY_PORT": "tcp://10.0.0.1:50051",
        "EMR_GATEWAY_SERVICE_HOST": "10.0.0.1",
    }
    run = serve(_NOWHERE, environment=environment).start(job()).job_run_id
    tags = next(held.body["tags"] for held in sandbox.job_runs() if held.job_run_id == run)
    assert tags["emr-gateway:caller"] == "spiffe://local/ns/other/sa/x" != CALLER


def test_an_empty_directory_grants_nothing(sandbox: Sandbox, serve: Serve) -> None:
    """It is valid: the gateway serves, and refuses."""
    gateway = serve(sandbox.url, {})
    reply = gateway.start(job(validate_only=True))
    assert [outcome.rule_id for outcome in reply.decision.outcomes] == ["grant/application"]
