"""A Prometheus of a test's own, before one gateway."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import yaml

PATIENCE_SECONDS = 60
_open = build_opener(ProxyHandler({})).open


class Prometheus:
    """Scrapes each second, and answers queries."""

    def __init__(self, url: str) -> None:
        """Speak to one at a URL."""
        self._url = url

    def asked(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """The data of an answer; ValueError with Prometheus' own words where it refuses."""
        try:
            with _open(f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            raise ValueError(json.load(error)["error"]) from error

    def samples(self, query: str) -> list[dict[str, Any]]:
        """What a query comes to now."""
        found: list[dict[str, Any]] = self.asked("query", query=query)["result"]
        return found


@contextlib.contextmanager
def prometheus(command: str, target: str, rules: Path, folder: Path) -> Iterator[Prometheus]:
    """Run one that scrapes `target` as the job `emr-gateway`, and evaluates rules, until the block ends."""
    with socket.socket() as picked:
        picked.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{picked.getsockname()[1]}"
    scraped = {"job_name": "emr-gateway", "static_configs": [{"targets": [target]}]}
    configuration = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [scraped],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    arguments = [f"--config.file={file}", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={address}"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([command, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        running = Prometheus(f"http://{address}")
        within(lambda: bool(running.samples("up == 1")))
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def within(holds: Any, seconds: float = PATIENCE_SECONDS) -> None:  # noqa: ANN401 - a function of nothing
    """Wait until something holds, AssertionError where it does not come to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(URLError, ConnectionError):
            if holds():
                return
        time.sleep(0.2)
    raise AssertionError(f"did not come to hold within {seconds} s")
