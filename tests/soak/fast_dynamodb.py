"""DynamoDB as far as the ledger uses it, ten times as fast as moto's, with faults by chance.

`tests/ledger` holds moto's against the same model, and one test of the harness runs on it.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections import Counter
from typing import Any, Final

from emrgateway_sandbox._http_messages import HttpReply, HttpRequest
from emrgateway_sandbox._http_server import HttpServer

_CAPACITY: Final = {"ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.0}}
_ABSENT: Final = "attribute_not_exists(#other) OR #expires <= :now"
_MINE: Final = "#other = :over AND #expires > :now"
_SAME: Final = "#version = :version"
SLOW_SECONDS: Final = 1.2  # above the gateway's own patience for one try
FAULTS: Final = ("ledger-throttled", "ledger-failing", "ledger-slow", "ledger-lost", "ledger-reset")


class FastDynamoDB:
    """One table of no name. `share` is how likely each of FAULTS is, a request."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._items: dict[str, dict[str, Any]] = {}
        self.played: Counter[str] = Counter()
        self._server = HttpServer(("127.0.0.1", 0), socket.AF_INET, self._answer)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Answer."""
        self._server.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.stop()

    def _answer(self, request: HttpRequest) -> HttpReply:
        chance = random.random() / self._share if self._share else len(FAULTS)  # noqa: S311 - a game
        fault = FAULTS[int(chance)] if chance < len(FAULTS) else ""
        if fault:
            self.played[fault] += 1
        if fault == "ledger-throttled":
            return _reply(400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"})
        if fault == "ledger-failing":
            return _reply(500, {"__type": "com.amazonaws.dynamodb.v20120810#InternalServerError"})
        if fault == "ledger-reset":
            return HttpReply(200, [], b"{}", "reset")
        operation = request.headers["X-Amz-Target"].rpartition(".")[2]
        with self._lock:
            reply: HttpReply = getattr(self, f"_{operation}")(json.loads(request.body))
        if fault == "ledger-lost":
            return HttpReply(reply.status, reply.headers, reply.body, "reset")
        if fault == "ledger-slow":
            return HttpReply(reply.status, reply.headers, reply.body, "slow", SLOW_SECONDS)
        return reply

    def _GetItem(self, request: dict[str, Any]) -> HttpReply:  # noqa: N802 - DynamoDB's name
        if not request["ConsistentRead"]:
            raise AssertionError("a ledger that reads what was is none")
        item = self._items.get(request["Key"]["token"]["S"])
        return _reply(200, _CAPACITY if item is None else {"Item": item, **_CAPACITY})

    def _PutItem(self, request: dict[str, Any]) -> HttpReply:  # noqa: N802 - as above
        return self._changed(request["Item"]["token"]["S"], request["Item"], request)

    def _DeleteItem(self, request: dict[str, Any]) -> HttpReply:  # noqa: N802 - as above
        return self._changed(request["Key"]["token"]["S"], None, request)

    def _changed(self, token: str, new: dict[str, Any] | None, request: dict[str, Any]) -> HttpReply:
        old = self._items.get(token)
        if not _holds(request, old):
            told: dict[str, Any] = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"}
            return _reply(400, told if old is None else {**told, "Item": old})
        if new is None:
            self._items.pop(token, None)
        else:
            self._items[token] = new
        return _reply(200, _CAPACITY)


def _holds(request: dict[str, Any], old: dict[str, Any] | None) -> bool:
    """The three conditions that the ledger writes, word by word: another one is not judged but refused."""
    condition, values = request["ConditionExpression"], request["ExpressionAttributeValues"]
    if condition == _ABSENT:
        return old is None or int(old["expires_at"]["N"]) <= int(values[":now"]["N"])
    if condition == _MINE:
        return (
            old is not None
            and old["version"] == values[":over"]
            and int(old["expires_at"]["N"]) > int(values[":now"]["N"])
        )
    if condition == _SAME:
        return old is not None and old["version"] == values[":version"]
    raise AssertionError(condition)


def _reply(status: int, content: dict[str, Any]) -> HttpReply:
    return HttpReply(status, [("Content-Type", "application/x-amz-json-1.0")], json.dumps(content).encode())
