"""An AWS that starts so many jobs a second and throttles the rest, as fast as a test can ask."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .loopback import on_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class LimitedAws:
    """A token bucket; `started` and `throttled` hold when requests came. A call takes `seconds`."""

    per_second: float
    burst: float
    seconds: float
    started: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._turns, self._seen = self.burst, time.monotonic()

    def take(self) -> bool:
        """Whether one more may start now."""
        now = time.monotonic()
        self._turns = min(self.burst, self._turns + (now - self._seen) * self.per_second)
        self._seen = now
        allowed = self._turns >= 1
        self._turns -= allowed
        (self.started if allowed else self.throttled).append(now)
        return allowed

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(line for line in head.split("\r\n") if line.lower().startswith("content-length:"))
                await reader.readexactly(int(length.partition(":")[2]))
                writer.write(self._answer(head.split("/")[2]))
                await asyncio.sleep(self.seconds)
                await writer.drain()
        writer.close()

    def _answer(self, application: str) -> bytes:
        status, reply = "429 Too Many Requests", {"message": "Rate exceeded"}
        if self.take():
            run = f"{len(self.started):016x}"
            arn = f"arn:aws:emr-serverless:us-east-1:123456789012:/applications/{application}/jobruns/{run}"
            status, reply = "200 OK", {"applicationId": application, "jobRunId": run, "arn": arn}
        body = json.dumps(reply)
        kind = "x-amzn-ErrorType: ThrottlingException\r\n" if status[0] == "4" else ""
        return (
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@contextlib.contextmanager
def limited_aws(per_second: float, burst: float, seconds: float = 0.02) -> Iterator[LimitedAws]:
    """One that listens on loopback, in a thread of its own."""
    aws = LimitedAws(per_second, burst, seconds)
    with on_loopback(aws.serve) as aws.url:
        yield aws
