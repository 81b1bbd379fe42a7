"""The errors that the sandbox answers with, by AWS's codes."""

from typing import Final

# The first five as botocore's model of EMR Serverless has them (a test compares); the last two are no service's own,
# they stand in AWS's list of errors common to all.
HTTP_STATUS: Final = {
    "ConflictException": 409,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "ValidationException": 400,
    "MissingAuthenticationTokenException": 403,
    "UnknownOperationException": 404,
}

# Shape String1024, the type of every error's message in botocore's model.
_MAX_MESSAGE: Final = 1024


class AwsError(Exception):
    """A refusal in AWS's terms: `code` is a key of HTTP_STATUS, `message` has 1 to 1,024 characters."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = HTTP_STATUS[code]
        self.message = message[:_MAX_MESSAGE]


def validation(message: str) -> AwsError:
    """Answer 400: the request fails the model or one of the service's own rules."""
    return AwsError("ValidationException", message)


def not_found(kind: str, identifier: str) -> AwsError:
    """Answer 404: there is no such application or job run for this account and region."""
    return AwsError("ResourceNotFoundException", f"{kind} {identifier} does not exist")
