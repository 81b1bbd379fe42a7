"""What boto3's exceptions mean: which error of the contract, whether a job may have started, when to try again."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from botocore import exceptions as aws

from emrgateway_server import errors
from emrgateway_server.errors import GatewayError
from emrgateway_server.shapes import member_names

THROTTLED_RETRY_SECONDS = 1.0

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
_NO_CREDENTIALS = (
    aws.CredentialRetrievalError,
    aws.NoAuthTokenError,
    aws.NoCredentialsError,
    aws.PartialCredentialsError,
    aws.TokenRetrievalError,
)
_NOT_SENT = (aws.ConnectTimeoutError, aws.EndpointConnectionError, aws.ProxyConnectionError)


class Again(Enum):
    """When the same request, with the same token, is worth another try."""

    NEVER = auto()
    SOON = auto()  # after a pause: AWS answers a token that it knows with the run that it started
    AT_PACE = auto()  # when its next turn comes
    RENEWED = auto()  # once, with new credentials


@dataclass(frozen=True, slots=True)
class Fault:
    """One try's failure; `is_answer` where AWS itself says so."""

    error: GatewayError
    again: Again
    is_answer: bool = False


# (error, codes, statuses, again, what to do): the first row that fits by code or status says what an answer means.
_MEANINGS: tuple[tuple[type[GatewayError], frozenset[str], Container[int], Again, str], ...] = (
    (errors.Throttled, _THROTTLES, {429}, Again.AT_PACE, ""),
    (errors.UpstreamUnknown, frozenset(), range(500, 600), Again.SOON, ""),
    (errors.UpstreamUnreachable, _EXPIRED, (), Again.RENEWED, ": the gateway's credentials have expired"),
    (errors.UpstreamQuota, frozenset({"ServiceQuotaExceededException"}), {402}, Again.NEVER, ""),
    (
        errors.UpstreamAccessDenied,
        _DENIED,
        {401, 403},
        Again.NEVER,
        ": the gateway's own permissions, its operator's to mend",
    ),
    (errors.Conflict, frozenset({"ConflictException"}), {409}, Again.NEVER, ""),
    (errors.UpstreamValidation, frozenset(), range(400, 500), Again.NEVER, ""),
    (errors.UpstreamUnknown, frozenset(), range(1_000), Again.SOON, ""),
)
# Words of AWS's that no request can make a secret of.
_KNOWN = frozenset(
    {
        *(code for _, codes, _, _, _ in _MEANINGS for code in codes),
        "InternalServerException",
        "ResourceNotFoundException",
        "ValidationException",
    }
)
_MAX_CODE = 64
_RETRY_AFTER_SECONDS = {errors.Throttled: THROTTLED_RETRY_SECONDS, errors.UpstreamQuota: -1.0}
# What AWS says of a token that was used is documented nowhere; what speaks of the application's state is about that.
_OF_TOKENS = re.compile(r"token|idempot", re.IGNORECASE)
_OF_STATE = re.compile(r"\b(state|status)\b|start(ing|ed)|stopp(ing|ed)|terminat|delet|creat", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]+|[0-9]{1,9}|(?:[A-Za-z0-9]+\.)+[A-Za-z0-9]+")
_CODE = re.compile(r"[A-Za-z]+(\.[A-Za-z]+)*")
_PUNCTUATION = ".,:;!?()[]{}<>'\"`"
_HIDDEN = "…"
_MIN_SHARED = 3


def retry(request: Mapping[str, object]) -> str:
    """What to do where the outcome is not known."""
    return "retry with the same client_token" if "clientToken" in request else "retry"


def explained(error: Exception, request: Mapping[str, object]) -> Fault:
    """The contract's error for one of boto3's. No value of the request is in its text."""
    if isinstance(error, aws.ClientError):
        return _answered(error, request)
    name = type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        return Fault(_unsent(name, request), Again.NEVER)
    if isinstance(error, _NOT_SENT):
        return Fault(_unsent(name, request), Again.SOON)
    if isinstance(error, aws.BotoCoreError):
        return unknown(f"AWS's answer was lost ({name})", request)
    # botocore's parser meets what is no answer of AWS's with errors of many kinds; the request had left by then.
    return unknown(f"AWS's answer makes no sense ({name})", request)


def unknown(what: str, request: Mapping[str, object]) -> Fault:
    """The fault of an answer that leaves open what was done."""
    return Fault(errors.UpstreamUnknown(f"{what}: {retry(request)}"), Again.SOON)


def _unsent(name: str, request: Mapping[str, object]) -> GatewayError:
    return errors.UpstreamUnreachable(f"AWS was not reached ({name}): nothing was sent: {retry(request)}")


def _answered(error: aws.ClientError, request: Mapping[str, object]) -> Fault:
    """The fault for an answer of AWS's that says no."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == "ResourceNotFoundException" or status == 404:  # noqa: PLR2004 - as the model gives it
        return Fault(not_found(request), Again.NEVER, is_answer=True)
    message = scrubbed(str(error.response.get("Error", {}).get("Message", "")), request)
    kind, again, advice = next(
        (kind, again, advice)
        for kind, codes, statuses, again, advice in _MEANINGS
        if code in codes or status in statuses
    )
    said = f"AWS answered {_told_code(code, request) or status}" + (f": {message}" if message else "")
    advice = f": {retry(request)}" if kind is errors.UpstreamUnknown else advice
    told = kind(said + advice, retry_after=_RETRY_AFTER_SECONDS.get(kind))
    if isinstance(told, errors.Conflict):
        told.is_of_token = _is_of_token(code, str(error.response.get("Error", {}).get("Message", "")))
    return Fault(told, again, is_answer=True)


def _is_of_token(code: str, message: str) -> bool | None:
    """Whether a conflict is about the client token, by AWS's words; None where they may mean anything."""
    if code != "ConflictException":  # a proxy, a firewall: they know of no token
        return False
    if _OF_TOKENS.search(message):
        return True
    return False if _OF_STATE.search(message) else None


def _told_code(code: str, request: Mapping[str, object]) -> str:
    """AWS's code where it looks like one and the request does not hold it; what answers may be no AWS at all."""
    if code in _KNOWN:
        return code
    return code if len(code) <= _MAX_CODE and scrubbed(code, request) == code and _CODE.fullmatch(code) else ""


def not_found(request: Mapping[str, object]) -> errors.NotFound:
    """The one answer for what is not there and for what is not the caller's."""
    kind, resource = "application", f"applications/{request.get('applicationId', '')}"
    if "jobRunId" in request:
        kind, resource = "job run", f"{resource}/jobruns/{request['jobRunId']}"
    return errors.NotFound(f"{resource} is not there, or not yours", resource_type=kind, resource=resource)


def scrubbed(message: str, request: Mapping[str, object]) -> str:
    """What of AWS's message can be told: words, numbers and names of AWS's members that the request does not hold.

    AWS quotes what it refuses, cut, escaped or in another case, and that may be a secret. So words are let through,
    not taken out.
    """
    texts = [text.casefold() for text in _texts(request)]
    return re.sub(rf"{_HIDDEN}( {_HIDDEN})+", _HIDDEN, " ".join(_told(word, texts) for word in message.split()))


def _told(word: str, texts: Sequence[str]) -> str:
    """A word of AWS's, or the sign that one is left out."""
    bare = word.strip(_PUNCTUATION)
    if all(part in member_names() for part in bare.split(".")):
        return word
    folded = bare.casefold()
    is_plain = _WORD.fullmatch(bare) and len(word) <= len(bare) + 2
    held = len(folded) >= _MIN_SHARED or folded.isdigit()
    if is_plain and not (held and any(folded in text for text in texts)) and not _holds_one(folded, texts):
        return word
    return _HIDDEN


def _holds_one(word: str, texts: Sequence[str]) -> bool:
    return any(len(text) >= _MIN_SHARED and text in word for text in texts)


def _texts(value: object) -> Iterator[str]:
    """Every text of a request, every number, and every key that is the caller's own word."""
    if isinstance(value, str | int):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in member_names():
                yield str(key)
            yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)
