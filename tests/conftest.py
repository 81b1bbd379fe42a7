"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# A busy machine is no failure, and one commit gives one verdict: `make fuzz` is what looks for new examples.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
