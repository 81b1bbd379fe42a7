"""Who is calling: what the transport says of it, and what identity makes of that for policy to judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a call says it is from; identity alone reads it, and believes what it has verified.

    `authentication` is gRPC's auth context, what the handshake established; `authorization` holds every value of that
    metadata key.
    """

    authentication: Mapping[str, Iterable[bytes]] = field(default_factory=dict)
    authorization: tuple[str, ...] = ()
