"""A request and a reply, as the HTTP server and the endpoint pass them to each other."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Literal

Delivery = Literal["whole", "slow", "truncated", "drip", "hang", "reset"]
"""How a reply leaves: whole, whole but late, half, a byte now and then, not at all for a while, or not at all."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request whose body has been read whole.

    `target` is the request line's, undecoded (`/a%2Fb?c=d`); `headers` are looked up without regard to case.
    """

    method: str
    target: str
    headers: Message
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The target's query, still percent-encoded; empty if there is none."""
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply whose body is whole; the server adds what frames it (Content-Length, Date).

    `delivery` is how the server lets it leave; `seconds` how long it holds it, where it does.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    delivery: Delivery = "whole"
    seconds: float = 0.0


def json_reply(status: int, content: Mapping[str, object], *, error_type: str | None = None) -> HttpReply:
    """Build a reply as AWS's rest-json protocol has it; `error_type` names the error's shape."""
    headers = [("Content-Type", "application/json"), ("x-amzn-RequestId", str(uuid.uuid4()))]
    if error_type is not None:
        headers.append(("x-amzn-ErrorType", error_type))
    return HttpReply(status, headers, json.dumps(content, separators=(",", ":")).encode())
