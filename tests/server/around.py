"""Runs that were started around the gateway, as whoever has the gateway's own credentials could."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from .gateways import REGION
from .jobs import body

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def straight(url: str) -> Iterator[Any]:
    """A boto3 client that is closed again."""
    client = boto3.client(
        "emr-serverless",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",  # noqa: S106 - the sandbox takes any
        config=Config(parameter_validation=False),
    )
    try:
        yield client
    finally:
        client.close()


def around(client: Any, application: str, owner: str | None, **members: Any) -> str:  # noqa: ANN401 - boto3's have no type
    """Start a run with the tag that the gateway would have stamped for an owner, or without one; its id."""
    tags = {} if owner is None else {"emr-gateway:caller": owner}
    return str(client.start_job_run(**body(applicationId=application, tags=tags, **members))["jobRunId"])
