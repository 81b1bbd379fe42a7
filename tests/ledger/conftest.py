"""DynamoDB: moto's, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emrgateway_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[str]:
    """The URL of one that tests share; each makes tables of its own."""
    with Sandbox() as running, pytest.MonkeyPatch.context() as patched:
        patched.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        patched.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield running.url
