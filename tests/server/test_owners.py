"""Whose a run is: asked of AWS once, whoever looks and however many at one time."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from emrgateway_server.call import Call
from emrgateway_server.errors import DeadlineNears, NotFound, UpstreamAccessDenied
from emrgateway_server.identity import Labels
from emrgateway_server.owners import Owners

from .direct import CALLER, target, with_surroundings
from .faulty_aws import FaultyAws, faulty_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emrgateway_server.emr import Target

_OWNER = "spiffe://local/ns/data-eng/sa/etl"  # of every run that this AWS has
_SETTLING_SECONDS = 0.2  # for the others to come to where they wait
_TABLE = [("spiffe://local/ns/data-eng/**", {"team": "data-eng"})]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    """An AWS that does as it is told, and credentials for it."""
    with_surroundings(monkeypatch)
    with faulty_aws() as running:
        yield running


@pytest.fixture
def to_aws(aws: FaultyAws) -> Iterator[Target]:
    """The way there."""
    with target(aws.url) as tested:
        yield tested


def _nobody() -> dict[str, object]:
    return {"status": 200, "body": json.dumps({"jobRun": {"jobRunId": "00run", "state": "RUNNING"}})}


def test_asked_once(aws: FaultyAws, to_aws: Target) -> None:
    """The first look asks AWS and says so, the next ones do not; the labels are those of the table."""
    owners = Owners(Labels(_TABLE))
    first = owners.find(to_aws, "app", "00run", Call(5), CALLER)
    assert first.owner is not None
    assert (first.owner.id, first.owner.labels, first.by_asking) == (_OWNER, {"team": "data-eng"}, True)
    again = owners.find(to_aws, "app", "00run", Call(5), CALLER)
    assert (again.owner, again.by_asking) == (first.owner, False)
    assert owners.of(to_aws, "app", "00run", Call(5), CALLER) == first.owner
    assert len(aws.seen["app"]) == 1


def test_a_run_that_started_here_needs_no_question(aws: FaultyAws, to_aws: Target) -> None:
    """What a start, or any reply, has told is known; of that very run of that very application."""
    owners = Owners(Labels(_TABLE))
    owners.note(to_aws, "app", "00mine", "spiffe://local/me")
    owner = owners.of(to_aws, "app", "00mine", Call(5), CALLER)
    assert owner is not None
    assert (owner.id, owner.labels) == ("spiffe://local/me", {})
    assert not aws.seen["app"]
    other = owners.of(to_aws, "other", "00mine", Call(5), CALLER)
    assert other is not None
    assert other.id == _OWNER


def test_a_run_of_nobody_is_known_as_such(aws: FaultyAws, to_aws: Target) -> None:
    """A run without our tag has no owner, and that too is asked once; one that is not there is asked for again."""
    owners = Owners(Labels(_TABLE))
    aws.faults["app"] = _nobody()
    assert [owners.of(to_aws, "app", "00run", Call(5), CALLER) for _ in range(3)] == [None] * 3
    assert len(aws.seen["app"]) == 1
    aws.faults["gone"] = {"status": 404, "type": "ResourceNotFoundException"}
    for _ in range(2):
        with pytest.raises(NotFound):
            owners.of(to_aws, "gone", "00run", Call(5), CALLER)
    assert len(aws.seen["gone"]) == 2


def test_the_least_recently_looked_at_is_forgotten(aws: FaultyAws, to_aws: Target) -> None:
    """The memory is bounded: with room for two, a look keeps a run and the third one costs the other."""
    owners = Owners(Labels(_TABLE), most_known=2)
    for run in ("00a", "00b"):
        owners.note(to_aws, "app", run, CALLER)
    owners.of(to_aws, "app", "00a", Call(5), CALLER)
    owners.note(to_aws, "app", "00c", CALLER)
    for run, asked in (("00a", False), ("00c", False), ("00b", True)):
        assert owners.find(to_aws, "app", run, Call(5), CALLER).by_asking is asked
    assert len(aws.seen["app"]) == 1


def _together(owners: Owners, to_aws: Target, aws: FaultyAws, seconds: list[float]) -> list[object]:
    """What each of several looks got that began while the first one's question was on its way."""
    began = threading.Event()

    def look(number: int) -> object:
        if number:
            began.wait(10)
        try:
            return owners.of(to_aws, "app", "00run", Call(seconds[number]), f"caller-{number}")
        except (DeadlineNears, NotFound, UpstreamAccessDenied) as error:
            return error

    with ThreadPoolExecutor(len(seconds)) as pool:
        looks = [pool.submit(look, number) for number in range(len(seconds))]
        assert aws.arrived.acquire(timeout=10)
        began.set()
        time.sleep(_SETTLING_SECONDS)
        aws.released.set()
        return [each.result(20) for each in looks]


def test_who_misses_together_asks_once(aws: FaultyAws, to_aws: Target) -> None:
    """Ten looks at one run while the first is on its way: one call to AWS, and each has the owner."""
    aws.faults["app"] = {"how": "hang"}
    found = _together(Owners(Labels(_TABLE)), to_aws, aws, [10.0] * 10)
    assert {getattr(owner, "id", None) for owner in found} == {_OWNER}
    assert len(aws.seen["app"]) == 1


def test_a_failure_is_shared_as_a_copy(aws: FaultyAws, to_aws: Target) -> None:
    """What AWS says is said to all, each with an error of its own, and AWS is asked once."""
    aws.faults["app"] = {"how": "hang", "status": 403, "type": "AccessDeniedException"}
    told = _together(Owners(Labels(_TABLE)), to_aws, aws, [10.0] * 4)
    assert {type(error) for error in told} == {UpstreamAccessDenied}
    assert len({id(error) for error in told}) == 4
    assert len(aws.seen["app"]) == 1


def test_whose_time_is_up_ends_nobody_elses_look(aws: FaultyAws, to_aws: Target) -> None:
    """The first look's deadline passes while AWS is silent: it alone is told so, and the next one asks for itself."""
    aws.faults["app"] = [{"how": "hang"}, {}]
    owners = Owners(Labels(_TABLE))

    def late() -> object:
        assert aws.arrived.acquire(timeout=10)
        return owners.of(to_aws, "app", "00run", Call(10), CALLER)

    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(late)
        with pytest.raises(DeadlineNears):
            owners.of(to_aws, "app", "00run", Call(2), CALLER)  # it reaches AWS, on a busy machine too
        owner = later.result(20)
    assert getattr(owner, "id", None) == _OWNER
    assert len(aws.seen["app"]) == 2
