"""Accounts and regions: which one an application lives in, and the calls to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from emrgateway_server.caller import Caller
from emrgateway_server.emr import faults
from emrgateway_server.errors import UpstreamUnknown
from emrgateway_server.globs import Glob

CONNECT_TIMEOUT_SECONDS = 5
_NO_ONE = Caller("")


class Target:
    """One account and region, with one boto3 client, which threads share."""

    def __init__(
        self,
        *,
        name: str,
        account: str,
        region: str,
        endpoint_url: str | None,
        applications: Sequence[str],
        connections: int,
        timeout_seconds: float,
        version: str,
    ) -> None:
        """`connections` bounds the calls at one time; `timeout_seconds` each wait for AWS's next byte.

        ValueError where botocore can make no client of it.
        """
        self.name = name
        self.account = account
        self.region = region
        self.endpoint_url = endpoint_url
        self._applications = [Glob(glob) for glob in applications]
        config = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=timeout_seconds,
            max_pool_connections=connections,
            # The gateway judges what may be tried again; botocore cannot know the caller's deadline.
            retries={"mode": "standard", "total_max_attempts": 1},
            # Validated already, against the same model; botocore's own message would hold the bad value.
            parameter_validation=False,
            user_agent_extra=f"emr-gateway/{version}",
        )
        session = boto3.session.Session(region_name=region)
        try:
            self._client = session.client("emr-serverless", endpoint_url=endpoint_url, config=config)
        except BotoCoreError as error:
            raise ValueError(str(error)) from error

    @property
    def endpoint(self) -> str:
        """The URL that calls go to."""
        url: str = self._client.meta.endpoint_url
        return url

    def serves(self, application_id: str) -> bool:
        """Whether an application lives here."""
        return any(glob.matches(application_id, _NO_ONE) for glob in self._applications)

    def start_job_run(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send a StartJobRun; the reply holds a job run id, or it is an error."""
        reply = self._call(self._client.start_job_run, request)
        if not isinstance(reply.get("jobRunId"), str) or not reply["jobRunId"]:  # a truncated body parses as success
            raise UpstreamUnknown(f"AWS answered without a job run id: {faults.retry(request)}")
        return reply

    def get_job_run(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send a GetJobRun; the reply holds a job run, or it is an error."""
        reply = self._call(self._client.get_job_run, request)
        if not isinstance(reply.get("jobRun"), dict) or not reply["jobRun"]:
            raise UpstreamUnknown(f"AWS answered without a job run: {faults.retry(request)}")
        return reply

    def list_job_runs(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Send a ListJobRuns; the reply holds a page of job runs, or it is an error."""
        reply = self._call(self._client.list_job_runs, request)
        if not isinstance(reply.get("jobRuns"), list):
            raise UpstreamUnknown(f"AWS answered without job runs: {faults.retry(request)}")
        return reply

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    @staticmethod
    def _call(operation: Callable[..., dict[str, Any]], request: Mapping[str, object]) -> dict[str, Any]:
        try:
            reply = operation(**request)
        except Exception as error:
            raise faults.explained(error, request) from error
        return reply if isinstance(cast("object", reply), dict) else {}


class Targets:
    """All targets, in the configuration's order."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = tuple(targets)

    def of(self, application_id: str) -> Target | None:
        """The first target that serves an application."""
        return next((target for target in self._targets if target.serves(application_id)), None)

    def close(self) -> None:
        """Let go of every connection."""
        for target in self._targets:
            target.close()
