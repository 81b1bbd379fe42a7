"""What the tests of this folder share."""

from __future__ import annotations

import pytest

from .support import Command


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command, in this process."""
    return Command(capsys)
