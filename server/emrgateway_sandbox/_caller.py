"""Who sends a request: the account and the region that it is signed for. Signatures are not checked."""

import re
from dataclasses import dataclass
from email.message import Message
from typing import Final

from . import _moto
from ._errors import AwsError

# Credential=KEY/date/region/service/aws4_request, of Signature Version 4
_SCOPE: Final = re.compile(r"Credential=([^/\s]+)/\d{8}/([^/\s]+)/([^/\s]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is; `arn` is the identity that becomes a job run's createdBy."""

    account: str
    region: str
    arn: str

    @property
    def partition(self) -> str:
        """AWS's partition of the region: `aws`, `aws-cn` or `aws-us-gov`."""
        return _partition(self.region)


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rpartition("-")[0].rpartition("-")[0], "aws")


def signing_service(headers: Message) -> str | None:
    """Tell which service a request is signed for (`emr-serverless`, `s3`, ...); None if it is not signed."""
    match = _SCOPE.search(headers.get("Authorization", ""))
    return match[3] if match else None


def identify(headers: Message) -> Caller:
    """Tell who calls, as moto does: the account of a key that it gave out, else 123456789012.

    Raises AwsError (MissingAuthenticationTokenException) where the request is not signed.
    """
    match = _SCOPE.search(headers.get("Authorization", ""))
    if match is None:
        raise AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token")
    access_key, region = match[1], match[2]
    account = _moto.account_of(access_key, headers.get("x-moto-account-id"))
    arn = _moto.assumed_role_arn(account, _partition(region), access_key)
    return Caller(account, region, arn or f"arn:{_partition(region)}:iam::{account}:user/sandbox")
