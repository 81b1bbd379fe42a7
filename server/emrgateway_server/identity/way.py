"""What every way to prove an identity is."""

from __future__ import annotations

from typing import Protocol

from emrgateway_server.caller import Caller, Peer


class Identity(Protocol):
    """Knows callers."""

    def identify(self, peer: Peer) -> Caller:
        """Whom a call is from. `Unproven`, and from `Doors` `Unauthenticated`, where that is not proven."""
