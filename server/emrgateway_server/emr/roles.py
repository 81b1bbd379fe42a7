"""Where a target's credentials come from: the process's own, or a role in the target's account assumed by them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

_STS = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3})


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """The role that reaches a target's account."""

    role_arn: str
    external_id: str | None = None
    session_name: str = "emr-gateway"


def own_credentials() -> Any:  # noqa: ANN401 - botocore has no types
    """The process's credentials, looked for anew in every place where botocore looks."""
    return _found(botocore.session.Session())


def role_credentials(role: AssumedRole, region: str) -> Any:  # noqa: ANN401 - as above
    """Credentials of a role, which STS in the region is asked for when they are first needed."""
    session = botocore.session.Session()
    fetcher = AssumeRoleCredentialFetcher(
        partial(session.create_client, region_name=region, config=_STS),
        _found(session),
        role.role_arn,
        extra_args={
            "RoleSessionName": role.session_name,
            **({"ExternalId": role.external_id} if role.external_id is not None else {}),
        },
    )
    return DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")


def _found(session: Any) -> Any:  # noqa: ANN401 - as above
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials
