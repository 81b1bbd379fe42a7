"""Accounts and regions: which one an application lives in, and the calls to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import CredentialResolver
from botocore.exceptions import BotoCoreError
from botocore.httpsession import get_cert_path

from emrgateway_server.call import Call
from emrgateway_server.caller import Caller
from emrgateway_server.emr.attempts import Attempts
from emrgateway_server.emr.carrier import Carrier
from emrgateway_server.emr.keys import Keys
from emrgateway_server.emr.roles import AssumedRole, own_credentials, role_credentials
from emrgateway_server.emr.traffic import Rate, Traffic
from emrgateway_server.globs import Glob

_NO_ONE = Caller("")


class Target:
    """One account and region, with a client, connections and credentials of its own, which threads share."""

    def __init__(
        self,
        *,
        name: str,
        account: str,
        region: str,
        endpoint_url: str | None,
        applications: Sequence[str],
        version: str,
        traffic: Traffic,
        rates: Mapping[str, Rate] | None = None,
        role: AssumedRole | None = None,
    ) -> None:
        """ValueError where botocore can make no client of it. Nothing is sent, and no credentials are looked for."""
        self.name = name
        self.account = account
        self.region = region
        self.endpoint_url = endpoint_url
        self._applications = [Glob(glob) for glob in applications]
        self._keys = Keys(own_credentials if role is None else partial(role_credentials, role, region), name)
        core = botocore.session.get_session()
        core.register_component("credential_provider", CredentialResolver([_Provider(self._keys)]))
        try:
            self._client = boto3.session.Session(region_name=region, botocore_session=core).client(
                "emr-serverless", endpoint_url=endpoint_url, config=_config(version)
            )
        except BotoCoreError as error:
            raise ValueError(str(error)) from error
        # AWS_CA_BUNDLE, the shared configuration's, or botocore's own.
        self._carrier = Carrier(get_cert_path(core.get_config_variable("ca_bundle") or True))
        self._client.meta.events.register("before-send.emr-serverless", self._carrier.carry)
        self._turns = traffic.turns(account, region, rates or {})
        self._attempts = Attempts(
            self._client,
            self._keys,
            self._turns,
            target=name,
            region=region,
        )

    @property
    def endpoint(self) -> str:
        """The URL that calls go to."""
        url: str = self._client.meta.endpoint_url
        return url

    @property
    def waiting(self) -> dict[str, int]:
        """How many calls wait for their turn, by operation; targets of one account and region share their lines."""
        return {operation: turns.length for operation, turns in self._turns.items()}

    def serves(self, application_id: str) -> bool:
        """Whether an application lives here."""
        return any(glob.matches(application_id, _NO_ONE) for glob in self._applications)

    def send(self, operation: str, request: Mapping[str, object], *, call: Call, caller: str) -> dict[str, Any]:
        """Send a request in AWS's form; the reply holds what was asked for, or it is the contract's error.

        `caller` is whose turn it takes: no caller waits behind another's queue.
        """
        return self._attempts.send(operation, request, call=call, caller=caller)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
        self._carrier.close()
        self._keys.close()


class Targets:
    """All targets, in the configuration's order."""

    def __init__(self, targets: Sequence[Target], traffic: Traffic) -> None:
        self._targets = tuple(targets)
        self._traffic = traffic

    def of(self, application_id: str) -> Target | None:
        """The first target that serves an application."""
        return next((target for target in self._targets if target.serves(application_id)), None)

    def waiting(self) -> list[tuple[float, dict[str, str]]]:
        """How many calls wait for their turn, with target and operation."""
        return [
            (float(count), {"target": target.name, "operation": operation})
            for target in self._targets
            for operation, count in target.waiting.items()
        ]

    def close(self) -> None:
        """Let go of every connection."""
        self._traffic.close()
        for target in self._targets:
            target.close()


class _Provider:
    """What botocore asks for credentials."""

    METHOD = CANONICAL_NAME = "emr-gateway"

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def load(self) -> Keys:
        """The target's."""
        return self._keys


def _config(version: str) -> Config:
    return Config(
        # The gateway judges what may be tried again; botocore cannot know the caller's deadline.
        retries={"mode": "standard", "total_max_attempts": 1},
        # Validated already, against the same model; botocore's own message would hold the bad value.
        parameter_validation=False,
        user_agent_extra=f"emr-gateway/{version}",
    )
