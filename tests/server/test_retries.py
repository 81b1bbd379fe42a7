"""What a caller is told after gRPC tried again by itself: it hears the last attempt, and the first may have started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emrgateway_client import Client, GatewayError
from emrgateway_server import cli

from .faulty_aws import FaultyAws, faulty_aws
from .gateways import configuration, serving
from .jobs import body, job, message
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .gateways import Gateway

# The gateway tries three times itself before it answers.
_LOST_BY_EVERY_TRY = [{"status": 500, "type": "InternalServerException"}] * 3
_DENIED = {"status": 403, "type": "AccessDeniedException", "message": "no"}
_ATTEMPTS = "grpc-previous-rpc-attempts"


@pytest.fixture(scope="module")
def aws() -> Iterator[FaultyAws]:
    """An AWS that does as it is told."""
    with faulty_aws() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(aws: FaultyAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before it."""
    with serving(tmp_path_factory.mktemp("retries"), configuration(aws.url)) as running:
        yield running


def test_the_last_attempt_does_not_hide_the_first(aws: FaultyAws, gateway: Gateway) -> None:
    """The first POST may have started a job, the second is denied: the outcome is unknown, and the token is told."""
    aws.faults["lost"] = [*_LOST_BY_EVERY_TRY, _DENIED]
    with Client(gateway.target) as client, pytest.raises(GatewayError) as caught:
        client.start_job_run(message({**body(applicationId="lost"), "clientToken": "mine"}))
    assert len(aws.seen["lost"]) == 4
    assert (caught.value.reason, caught.value.outcome) == ("UPSTREAM_ACCESS_DENIED", "unknown")
    assert caught.value.client_token == "mine"  # noqa: S105 - no password


@pytest.mark.parametrize("said", ["1", "4"])
def test_any_failure_of_a_later_attempt_is_unknown(said: str, aws: FaultyAws, gateway: Gateway) -> None:
    """AWS's refusal, policy's, and a request that is none: what an earlier attempt did is not known by any of them."""
    aws.faults["denied"] = _DENIED
    again = ((_ATTEMPTS, said),)
    assert refused(lambda: gateway.start(job(applicationId="denied"))).outcome == "not_started"
    assert refused(lambda: gateway.start(job(applicationId="denied"), metadata=again)).outcome == "unknown"
    nameless = job(name="\n")
    assert refused(lambda: gateway.start(nameless)).outcome == "not_started"
    assert refused(lambda: gateway.start(nameless, metadata=again)).outcome == "unknown"


def test_what_only_validates_never_starts(gateway: Gateway) -> None:
    """`validate_only` sends nothing, however often it was tried."""
    asked = job(validate_only=True, name="\n")
    assert refused(lambda: gateway.start(asked, metadata=((_ATTEMPTS, "2"),))).outcome == "not_started"


@pytest.mark.parametrize("said", ["0", "-1", "many", ""])
def test_metadata_that_says_nothing(said: str, gateway: Gateway) -> None:
    """A count that is none, or zero, makes no retry."""
    told = refused(lambda: gateway.start(job(name="\n"), metadata=((_ATTEMPTS, said),)))
    assert told.outcome == "not_started"


def test_the_command_says_how_to_go_on_and_takes_it(
    aws: FaultyAws, gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`job start` tells `--client-token TOKEN` where the outcome is unknown; with it, AWS gets the same token again."""
    aws.faults["told"] = [*_LOST_BY_EVERY_TRY, _DENIED, {}]
    request = {key: value for key, value in body(applicationId="told").items() if key != "clientToken"}
    file = tmp_path / "job.json"
    file.write_text(json.dumps(request), encoding="utf-8")
    arguments = ["job", "start", "-f", str(file), "--target", gateway.target]
    assert cli.main(arguments) == 3
    told = capsys.readouterr().err.split()
    assert "--client-token" in told
    assert cli.main([*arguments, *told[told.index("--client-token") :][:2]]) == 0
    tokens = {json.loads(sent)["clientToken"] for sent in aws.seen["told"]}
    assert len(aws.seen["told"]) == 5
    assert len(tokens) == 1
