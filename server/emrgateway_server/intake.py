"""How every call comes in: who asks, and what, held against AWS's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message

from emrgateway_server import judging, telemetry, wire
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.findings import Findings
from emrgateway_server.identity import Identity
from emrgateway_server.shapes import Shape

_Message = TypeVar("_Message", bound=Message)


class Intake:
    """Knows callers and reads what they send; thread-safe."""

    def __init__(self, identity: Identity, max_message_bytes: int) -> None:
        self._identity = identity
        self._max_message_bytes = max_message_bytes

    def caller(self, call: Call) -> Caller:
        """Whom a call is from; `Unauthenticated` where that is not proven."""
        caller = self._identity.identify(call.peer)
        telemetry.note_caller(caller.id)
        return caller

    def parse(self, data: bytes, message_class: type[_Message], found: Findings) -> _Message:
        """A message that AWS has no shape of; what is wrong with its bytes goes into `found`."""
        return wire.parse(data, message_class, most_bytes=self._max_message_bytes, found=found)

    def read(
        self,
        data: bytes,
        message_class: type[_Message],
        shape: Shape,
        also: Callable[[_Message, Findings], None] | None = None,
    ) -> tuple[_Message, dict[str, object]]:
        """The message and its one translation, or `InvalidRequest` with all that is wrong.

        `also` checks what AWS's model does not know.
        """
        return judging.read(data, message_class, shape, most_bytes=self._max_message_bytes, also=also)
