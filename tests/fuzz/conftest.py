"""The JVM that the tests of this folder share, their settings, and what they have to tell at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .spark import Spark, running


@pytest.fixture(scope="session")
def spark() -> Iterator[Spark]:
    """Run Spark's own parsers."""
    with running() as started:
        yield started


def setting(name: str, default: int) -> int:
    """A whole number from the environment."""
    return int(os.environ.get(name, default))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each test recorded: how much it saw, and of which kinds."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                terminalreporter.write_line(f"{report.head_line}: {name}: {value}")
