"""Who is calling: what the transport says of it, and what identity makes of that for policy to judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

# AWS's tag alphabet: the id is stamped as a tag.
ID_PATTERN = r"^[A-Za-z0-9 /_.:=+@-]{1,256}$"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller.

    `id` matches `ID_PATTERN`. `labels` come from the configuration's `callers:` table, never from the caller.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Door(Enum):
    """By which way callers of one port prove who they are: there is one way a port."""

    INSECURE = "insecure"
    MTLS = "mtls"
    TOKEN = "token"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Peer:
    """Who a call says it is from; identity alone reads it, and believes what it has verified.

    `authentication` is gRPC's auth context, what the handshake established; `authorization` holds every value of that
    metadata key. `door` is the port's, never the caller's to choose; `address` is for the log.
    """

    authentication: Mapping[str, Iterable[bytes]] = field(default_factory=dict)
    authorization: tuple[str, ...] = ()
    door: Door | None = None
    address: str = ""
