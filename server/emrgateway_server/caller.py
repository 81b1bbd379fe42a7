"""Who is calling: what identity establishes and policy judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# AWS's tag alphabet: the id is stamped as a tag.
ID_PATTERN = r"^[A-Za-z0-9 /_.:=+@-]{1,256}$"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `id` matches `ID_PATTERN`. `labels` come from the configuration's `callers:` table, never from the caller.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
