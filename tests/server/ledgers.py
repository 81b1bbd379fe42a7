"""Tables for the gateways of tests, and the sections that name them."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from .gateways import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

_numbers = itertools.count()


@contextmanager
def dynamodb_client(url: str) -> Iterator[Any]:
    """A boto3 client that is closed again."""
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=url,
        aws_access_key_id="AKIA",
        aws_secret_access_key="secret",  # noqa: S106 - moto's
    )
    try:
        yield client
    finally:
        client.close()


def ledger(url: str, **members: object) -> dict[str, Any]:
    """The section of a ledger in a table of its own at a DynamoDB."""
    name = f"gateway-{next(_numbers)}"
    with dynamodb_client(url) as client:
        client.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return {"kind": "dynamodb", "table": name, "region": REGION, "endpoint_url": url, **members}


def items(section: dict[str, Any]) -> list[dict[str, Any]]:
    """All that a ledger holds."""
    with dynamodb_client(section["endpoint_url"]) as client:
        found: list[dict[str, Any]] = client.scan(TableName=section["table"], ConsistentRead=True)["Items"]
    return found
