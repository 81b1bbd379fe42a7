"""Each port has its own way to prove an identity: what a caller brings for another port counts for nothing."""

from __future__ import annotations

from collections.abc import Mapping

from emrgateway_server.caller import Caller, Door, Peer
from emrgateway_server.errors import Unauthenticated
from emrgateway_server.identity.telling import Telling
from emrgateway_server.identity.unproven import Reason, Unproven
from emrgateway_server.identity.way import Identity

# One text for every reason: what was wrong helps whoever tries, and the operators find it in the log.
REFUSAL = "no identity that this port accepts: the gateway's operators find the reason in its log"


class Doors:
    """Knows the callers of every port."""

    def __init__(self, ways: Mapping[Door, Identity], telling: Telling | None = None) -> None:
        self._ways = ways
        self._telling = telling or Telling()

    def identify(self, peer: Peer) -> Caller:
        """Whom a call is from, by the way of the port it came to."""
        try:
            return self._way(peer).identify(peer)
        except Unproven as unproven:
            self._telling.tell(peer, unproven)
        raise Unauthenticated(REFUSAL)

    def _way(self, peer: Peer) -> Identity:
        way = None if peer.door is None else self._ways.get(peer.door)
        if way is None:
            raise Unproven(Reason.WRONG_PORT)
        return way
