"""A gateway whose audit is a file, and the lines in it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emrgateway.v1 import job_run_service_pb2 as pb
from tests.server.gateways import ALLOW_ALL, PATIENCE_SECONDS
from tests.server.jobs import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.conftest import Serve
    from tests.server.gateways import Gateway

START = "emrgateway.v1.JobRunService/StartJobRun"


@dataclass(frozen=True)
class Audited:
    """One gateway and its audit."""

    gateway: Gateway
    path: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every whole line."""
        return read(self.path)

    def awaited(self, is_there: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """The lines, once they hold what a test waits for: an ending is written after its reply has left."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while not is_there(lines := self.lines):
            assert time.monotonic() < ends, lines
            time.sleep(0.02)
        return lines


def read(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a file that may be written to meanwhile."""
    return [json.loads(line) for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def judgements(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines before AWS."""
    return [line for line in lines if "verdict" in line["result"]]


def endings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines after the answer."""
    return [line for line in lines if "code" in line["result"]]


def ask(gateway: Gateway, method: str, run: str) -> Any:  # noqa: ANN401 - a reply of any method
    """Do something with a job run."""
    request = getattr(pb, f"{method}Request")(application_id=APPLICATION, job_run_id=run)
    return getattr(gateway.jobs, method)(request, timeout=PATIENCE_SECONDS)


def audited(
    serve: Serve,
    endpoint: str,
    folder: Path,
    policies: str = ALLOW_ALL,
    **settings: Any,  # noqa: ANN401 - any setting
) -> Audited:
    """A gateway before an endpoint, with `settings` in its `audit` section."""
    path = folder / "audit.jsonl"
    section = {"path": str(path), "fsync": "never", **settings}
    return Audited(serve(endpoint, policies, sections={"audit": section}), path)
