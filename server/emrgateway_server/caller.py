"""Who is calling: what identity establishes and policy judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `id` is 1 to 256 characters of AWS's tag alphabet, since it is stamped as a tag. `labels` come from the
    configuration's `callers:` table, never from the caller.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
