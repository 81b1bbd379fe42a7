"""What boto3's exceptions mean to a caller: which error of the contract, and whether a job may have started."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence

from botocore import exceptions as aws

from emrgateway_server import errors
from emrgateway_server.errors import GatewayError
from emrgateway_server.shapes import member_names

THROTTLED_RETRY_SECONDS = 1.0
MIN_SCRUBBED_CHARACTERS = 4

_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)  # botocore's own list of throttling codes, since EMR Serverless' model has none
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
_NOT_SENT = (
    aws.ConnectTimeoutError,
    aws.CredentialRetrievalError,
    aws.EndpointConnectionError,
    aws.NoAuthTokenError,
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.ProxyConnectionError,
    aws.TokenRetrievalError,
)
# (error, codes, statuses, what to do): the first row that fits by code or status says what an answer means.
_MEANINGS: tuple[tuple[type[GatewayError], frozenset[str], Container[int], str], ...] = (
    (errors.Throttled, _THROTTLES, {429}, ""),
    (errors.UpstreamUnknown, frozenset(), range(500, 600), ": retry with the same client_token"),
    (errors.UpstreamUnreachable, _EXPIRED, (), ": the gateway's credentials have expired"),
    (errors.UpstreamQuota, frozenset({"ServiceQuotaExceededException"}), {402}, ""),
    (errors.UpstreamAccessDenied, _DENIED, {401, 403}, ": the gateway's own permissions, its operator's to mend"),
    (errors.Conflict, frozenset({"ConflictException"}), {409}, ""),
    (errors.UpstreamValidation, frozenset(), range(400, 500), ""),
    (errors.UpstreamUnknown, frozenset(), range(1_000), ": no answer that AWS gives"),
)
_RETRY_AFTER_SECONDS = {errors.Throttled: THROTTLED_RETRY_SECONDS, errors.UpstreamQuota: -1.0}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_WORD = re.compile(r"[^\s=,'\"]+")


def explained(error: Exception, request: Mapping[str, object]) -> GatewayError:
    """The contract's error for one of boto3's. No value of the request is in its text."""
    if isinstance(error, aws.ClientError):
        return _answered(error, request)
    if isinstance(error, _NOT_SENT):
        return errors.UpstreamUnreachable(
            f"AWS was not reached ({type(error).__name__}): nothing was sent; retry with the same client_token"
        )
    if isinstance(error, aws.BotoCoreError):
        return errors.UpstreamUnknown(
            f"AWS's answer was lost ({type(error).__name__}): retry with the same client_token"
        )
    return errors.Internal("the call to AWS failed in the gateway")


def _answered(error: aws.ClientError, request: Mapping[str, object]) -> GatewayError:
    """The contract's error for an answer of AWS's that says no."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "ResourceNotFoundException" or status == 404:  # noqa: PLR2004 - as the model gives it
        return not_found(request)
    message = scrubbed(str(error.response.get("Error", {}).get("Message", "")), request)
    kind, advice = next(
        (kind, advice) for kind, codes, statuses, advice in _MEANINGS if code in codes or status in statuses
    )
    said = f"AWS answered {code or status}" + (f": {message}" if message else "")
    return kind(said + advice, retry_after=_RETRY_AFTER_SECONDS.get(kind))


def not_found(request: Mapping[str, object]) -> errors.NotFound:
    """The one answer for what is not there and for what is not the caller's."""
    kind, resource = "application", f"applications/{request.get('applicationId', '')}"
    if "jobRunId" in request:
        kind, resource = "job run", f"{resource}/jobruns/{request['jobRunId']}"
    return errors.NotFound(f"{resource} is not there, or not yours", resource_type=kind, resource=resource)


def scrubbed(message: str, request: Mapping[str, object]) -> str:
    """AWS's message without the request's values: AWS quotes what it refuses, and that may be a secret."""
    message = _QUOTED.sub("'…'", message)
    values = {text for text in _texts(request) if len(text) >= MIN_SCRUBBED_CHARACTERS}
    words = {word for text in values for word in _WORD.findall(text) if len(word) >= MIN_SCRUBBED_CHARACTERS}
    for text in sorted(values | words, key=len, reverse=True):
        message = message.replace(text, "…")
    return message


def _texts(value: object) -> Iterator[str]:
    """Every text of a request, and every key that is the caller's own word."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in member_names():
                yield str(key)
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)
