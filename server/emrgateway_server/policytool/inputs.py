"""What the commands are given, read: policies, configuration, callers, requests."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from datetime import date

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client.documents import MAX_DOCUMENT_BYTES, load_request, read_request
from emrgateway_server import caller as callers
from emrgateway_server import emr, engines, judging, settings, telemetry
from emrgateway_server.caller import Caller
from emrgateway_server.identity import Labels
from emrgateway_server.policy import Decision, Engine, Prices
from emrgateway_server.settings import Settings

# A request that names none: fixed, so that what is said of it is the same each time.
CLIENT_TOKEN = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - no secret


class Unusable(Exception):
    """What was given cannot be used; its text says all that is wrong."""


def configuration(arguments: argparse.Namespace) -> Settings | None:
    """The settings of `--config`, or `ConfigurationError`."""
    return settings.load(arguments.config, settings.environment()) if arguments.config else None


def prices(config: Settings | None) -> Prices | None:
    """The prices of a configuration, if it has any."""
    return engines.prices(config) if config else None


def engine(directory: str, config: Settings | None) -> Engine:
    """The engine of a policy directory, or `ConfigurationError`.

    With a configuration, it is loaded as that gateway would: what needs prices is a mistake where it has none.
    """
    return engines.load(directory, prices(config), serving=config is not None)


def caller(arguments: argparse.Namespace, config: Settings | None) -> Caller:
    """The caller of `--caller` and `--label`; what these do not say of its labels, the configuration does."""
    if not re.fullmatch(callers.ID_PATTERN, arguments.caller):
        raise Unusable("--caller: an id has 1 to 256 letters, digits, blanks or characters of _.:/=+-@")
    table = [(entry.match, entry.labels) for entry in config.callers] if config else []
    return Caller(arguments.caller, {**Labels(table).of(arguments.caller), **dict(arguments.label)})


def request(file: str) -> pb.StartJobRunRequest:
    """The request in a file, or on standard input where it is `-`. `DocumentError`, or `Unusable`."""
    if file == "-":
        return read_request(sys.stdin.buffer.read(MAX_DOCUMENT_BYTES + 1), name="<stdin>")
    try:
        return load_request(file)
    except OSError as error:
        raise Unusable(f"{file}: error: cannot be read: {error.strerror}") from error


def original(message: pb.StartJobRunRequest) -> dict[str, object]:
    """A request in AWS's form, once the gateway's own checks let it pass; `InvalidRequest` where they do not."""
    filled = pb.StartJobRunRequest()
    filled.CopyFrom(message)
    filled.client_token = filled.client_token or CLIENT_TOKEN
    data = filled.SerializeToString()
    _, aws = judging.read(data, pb.StartJobRunRequest, judging.START, most_bytes=settings.Limits().max_message_bytes)
    return aws


def judge(
    engine: Engine, caller: Caller, aws: Mapping[str, object], today: date | None, *, traces_job: bool = True
) -> Decision:
    """What policy makes of a request. Its upstream token is that of a gateway that serves no account.

    `traces_job` says whether the gateway gives a Spark job its place in a trace.
    """
    token = emr.upstream_token(
        caller=caller.id,
        account="",
        region="",
        application=str(aws["applicationId"]),
        client_token=str(aws["clientToken"]),
    )
    stamps = emr.reserved_tags(caller=caller.id, token=token, intent=emr.intent(aws))
    conf = telemetry.job_settings(token) if traces_job else {}
    return judging.judge(engine, caller, aws, stamps, today, conf=conf)
