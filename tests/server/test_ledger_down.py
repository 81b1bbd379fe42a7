"""A DynamoDB that is down, slow, throttled, refusing or out of its mind: fail, or go on, as the configuration says."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

import pytest

from .broken_dynamodb import WAYS, BrokenDynamoDB, broken_dynamodb
from .gateways import ALLOW_ALL, Gateway, configuration, serving
from .jobs import body, job, message
from .ledgers import ledger
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_sandbox import JobRunRecord, Sandbox

_DONE = b'"done"'


@pytest.fixture(scope="module")
def table(sandbox: Sandbox) -> Iterator[BrokenDynamoDB]:
    """A DynamoDB that does as it is told."""
    with broken_dynamodb(sandbox.url) as running:
        yield running


@pytest.fixture(autouse=True)
def mended(table: BrokenDynamoDB) -> Iterator[None]:
    """After each test it is whole again."""
    yield
    table.way, table.what, table.times = "", b"", 1_000_000
    table.released.set()
    table.released.clear()


def _gateway(
    on_error: str, sandbox: Sandbox, table: BrokenDynamoDB, factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    section = {**ledger(sandbox.url), "endpoint_url": table.url, "on_error": on_error}
    with serving(factory.mktemp(on_error), configuration(sandbox.url, ledger=section), ALLOW_ALL) as running:
        yield running


@pytest.fixture(scope="module")
def failing(sandbox: Sandbox, table: BrokenDynamoDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with `on_error: fail`."""
    yield from _gateway("fail", sandbox, table, tmp_path_factory)


@pytest.fixture(scope="module")
def going_on(sandbox: Sandbox, table: BrokenDynamoDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with `on_error: continue`."""
    yield from _gateway("continue", sandbox, table, tmp_path_factory)


def _runs(sandbox: Sandbox, application: str) -> list[JobRunRecord]:
    return [run for run in sandbox.job_runs() if run.application_id == application]


def _application() -> str:
    return f"00{uuid.uuid4().hex}"


@pytest.mark.parametrize("what", [b"ConsistentRead", b'"sent"'], ids=["recall", "claim"])
@pytest.mark.parametrize("way", WAYS)
def test_fail(way: str, what: bytes, sandbox: Sandbox, table: BrokenDynamoDB, failing: Gateway) -> None:
    """LEDGER_UNAVAILABLE, nothing sent, no text of DynamoDB's; the repeat, once it is whole, starts the job at once."""
    request = job(applicationId=_application())
    table.way, table.what = way, what
    told = refused(lambda: failing.start(request))
    assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE", "not_started")
    assert not _runs(sandbox, request.application_id)
    table.way = ""
    begun = time.monotonic()
    assert failing.start(request, timeout=20).job_run_id
    assert time.monotonic() - begun < 15


def test_a_claim_whose_answer_is_lost(sandbox: Sandbox, table: BrokenDynamoDB, failing: Gateway) -> None:
    """The second try meets the row of the first, which is ours: nothing has failed."""
    request = job(applicationId=_application())
    table.way, table.what, table.times = "lost", b'"sent"', 1
    assert failing.start(request).job_run_id
    assert table.times == 0
    assert len(_runs(sandbox, request.application_id)) == 1


@pytest.mark.parametrize("what", [b"ConsistentRead", b'"sent"', b""], ids=["recall", "claim", "all"])
@pytest.mark.parametrize("way", WAYS)
def test_go_on(way: str, what: bytes, sandbox: Sandbox, table: BrokenDynamoDB, going_on: Gateway) -> None:
    """The job starts; the repeat gets the same run by AWS's own token, and a changed request does not get another."""
    request = body(applicationId=_application())
    table.way, table.what = way, what
    first = going_on.start(message(request))
    assert going_on.start(message(request)).job_run_id == first.job_run_id
    told = refused(lambda: going_on.start(message({**request, "name": "other"})))
    assert told.reason == "CLIENT_TOKEN_REUSED"
    assert len(_runs(sandbox, request["applicationId"])) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_reply_outlives_its_record(way: str, sandbox: Sandbox, table: BrokenDynamoDB, failing: Gateway) -> None:
    """AWS has answered and the row cannot be written: the caller gets the reply, and the repeat the same run."""
    request = job(applicationId=_application())
    table.way, table.what = way, _DONE
    first = failing.start(request, timeout=4)
    table.way = ""
    table.released.set()
    assert failing.start(request).job_run_id == first.job_run_id
    assert len(_runs(sandbox, request.application_id)) == 1
