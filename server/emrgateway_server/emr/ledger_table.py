"""Rows in a DynamoDB table: for several replicas, and across their restarts.

Item: `token` (S, the key), `intent` (S), `state` (S), `sent_at`, `lease_until` (N, epoch seconds), `expires_at` (N,
whole epoch seconds: the table's TTL attribute), `version` (S), `reply` (B, a StartJobRunResponse; in `done` items).
`deploy/aws/gateway.yaml` defines the table. DynamoDB deletes what has expired within days, so expiry is judged here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from emrgateway_server.ledger import LedgerDown, Row, State

# A call waits for the table at most for two tries of it: its deadline is better spent on saying so.
TIMEOUT_SECONDS = 1.0
TRIES = 2
_TAKEN = "ConditionalCheckFailedException"

_Item = dict[str, dict[str, Any]]


class LedgerTable:
    """One table. Making it asks nothing of AWS; ValueError where botocore can make no client of it."""

    def __init__(
        self,
        table: str,
        *,
        region: str | None,
        endpoint_url: str | None,
        connections: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._clock = clock
        config = Config(
            connect_timeout=TIMEOUT_SECONDS,
            read_timeout=TIMEOUT_SECONDS,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            parameter_validation=False,
        )
        try:
            session = boto3.session.Session(region_name=region)
            self._client = session.client("dynamodb", endpoint_url=endpoint_url, config=config)
        except BotoCoreError as error:
            raise ValueError(str(error)) from error

    def find(self, token: str) -> Row | None:
        """The row of a token, as the last write left it."""
        reply = self._asked(self._client.get_item, Key=_key(token), ConsistentRead=True)
        row = _row(reply["Item"]) if reply.get("Item") else None
        return None if row is None or row.expires_at <= self._clock() else row

    def write(self, row: Row, *, over: Row | None) -> bool:
        """Put a row in the place of another, or of none."""
        names = {"#expires": "expires_at", "#other": "token" if over is None else "version"}
        values: _Item = {":now": {"N": str(math.floor(self._clock()))}}
        condition = "attribute_not_exists(#other) OR #expires <= :now"
        if over is not None:
            condition = "#other = :over AND #expires > :now"
            values[":over"] = {"S": over.version}
        try:
            self._asked(
                self._client.put_item,
                Item=_item(row),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except _TakenError as taken:
            # botocore's second try meets the row of its first, whose answer was lost.
            return taken.version == row.version
        return True

    def remove(self, row: Row) -> None:
        """Forget a row, unless it has been written over."""
        try:
            self._asked(
                self._client.delete_item,
                Key=_key(row.token),
                ConditionExpression="#version = :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":version": {"S": row.version}},
            )
        except _TakenError:
            return

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _asked(self, operation: Callable[..., dict[str, Any]], **request: object) -> dict[str, Any]:
        """DynamoDB's answer; no text of its own goes on, since it may quote an item."""
        try:
            reply = operation(TableName=self._table, ReturnConsumedCapacity="TOTAL", **request)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == _TAKEN:
                raise _TakenError(error.response.get("Item", {}).get("version", {}).get("S")) from None
            raise LedgerDown(f"DynamoDB answered {code}") from error
        except Exception as error:  # botocore meets what is no answer with errors of any kind
            raise LedgerDown(f"DynamoDB did not answer ({type(error).__name__})") from error
        # botocore takes half an answer, or a proxy's page, for an empty one: for "there is no such row".
        if not isinstance(cast("object", reply), dict) or "ConsumedCapacity" not in reply:
            raise LedgerDown("DynamoDB's answer makes no sense")
        return reply


class _TakenError(Exception):
    """Another row stands there; `version` is its."""

    def __init__(self, version: str | None) -> None:
        super().__init__(version)
        self.version = version


def _key(token: str) -> _Item:
    return {"token": {"S": token}}


def _item(row: Row) -> _Item:
    item: _Item = {
        **_key(row.token),
        "intent": {"S": row.intent},
        "state": {"S": row.state},
        "sent_at": {"N": _number(row.sent_at)},
        "lease_until": {"N": _number(row.lease_until)},
        "expires_at": {"N": str(math.ceil(row.expires_at))},
        "version": {"S": row.version},
    }
    return {**item, "reply": {"B": row.reply}} if row.state is State.DONE else item


def _row(item: _Item) -> Row:
    try:
        return Row(
            token=item["token"]["S"],
            intent=item["intent"]["S"],
            state=State(item["state"]["S"]),
            sent_at=float(item["sent_at"]["N"]),
            lease_until=float(item["lease_until"]["N"]),
            expires_at=float(item["expires_at"]["N"]),
            version=item["version"]["S"],
            reply=item["reply"]["B"] if "reply" in item else b"",
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LedgerDown(f"an item of the table is no row of the ledger ({type(error).__name__})") from error


def _number(seconds: float) -> str:
    """DynamoDB's numbers have no exponent that a float's text may have."""
    return format(Decimal(seconds).quantize(Decimal("0.001")), "f")
