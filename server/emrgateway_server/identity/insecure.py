"""Identity for the sandbox: everyone who reaches this loopback port is one configured caller."""

from __future__ import annotations

from emrgateway_server.caller import Caller, Peer
from emrgateway_server.identity.labels import Labels


class InsecureIdentity:
    """Knows one caller."""

    def __init__(self, caller_id: str, labels: Labels) -> None:
        self._caller = Caller(caller_id, labels.of(caller_id))

    def identify(self, peer: Peer) -> Caller:  # noqa: ARG002 - as the other ways
        """The caller, whoever it is."""
        return self._caller
