"""Sandboxes and gateways: one of each for the tests that share them, and a maker of gateways for those that do not."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from emrgateway_sandbox import Sandbox

from .gateways import ALLOW_ALL, SERVE, Gateway, configuration, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


class Serve(Protocol):
    """Makes gateways; they are stopped when the test ends."""

    def __call__(
        self,
        endpoint: str,
        policies: Mapping[str, str] | str = ALLOW_ALL,
        *,
        log_level: str = "INFO",
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = SERVE,
        sections: Mapping[str, object] | None = None,
    ) -> Gateway:
        """Start one before `endpoint`; `sections` replace those of `configuration`."""


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Run the sandbox that tests share; its job runs stay SUBMITTED."""
    with Sandbox(seconds_per_state=3600) as running:
        yield running


@pytest.fixture(scope="session")
def open_gateway(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway before the sandbox whose policy allows everything, for the tests that only ask it."""
    with serving(tmp_path_factory.mktemp("open"), configuration(sandbox.url)) as running:
        yield running


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Make gateways of a test's own."""
    with contextlib.ExitStack() as stack:
        count = 0

        def make(
            endpoint: str,
            policies: Mapping[str, str] | str = ALLOW_ALL,
            *,
            sections: Mapping[str, object] | None = None,
            **rest: Any,  # noqa: ANN401 - `serving` has the types
        ) -> Gateway:
            nonlocal count
            count += 1
            settings = configuration(endpoint, **(sections or {}))
            return stack.enter_context(serving(tmp_path / f"gateway-{count}", settings, policies, **rest))

        yield make
