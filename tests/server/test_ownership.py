"""For generated owners, teams and grants: what each caller may do to each run is what a plain reading of them says.

Nobody looks at, lists, follows or stops a run that they may not, and everybody does what they may. It is the gateway's
real work before the sandbox, over HTTP; but who calls is given, not proven.
"""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_sandbox import Sandbox
from emrgateway_server import engines
from emrgateway_server.access import Access
from emrgateway_server.audit import Audit
from emrgateway_server.call import Call
from emrgateway_server.caller import Caller, Peer
from emrgateway_server.emr import Rate
from emrgateway_server.errors import NotFound
from emrgateway_server.identity import Labels
from emrgateway_server.intake import Intake
from emrgateway_server.listing import Listing
from emrgateway_server.owners import Owners
from emrgateway_server.policy_source import PolicySource
from emrgateway_server.runs import Runs
from emrgateway_server.settings import Audit as AuditSettings

from .around import around, straight
from .direct import target, with_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from emrgateway_server.emr import Target

_Table: TypeAlias = "list[tuple[str, dict[str, str]]]"

_CALLERS = ("spiffe://local/ns/a/sa/1", "spiffe://local/ns/a/sa/2", "spiffe://local/ns/b/sa/1", "batch")
_OWNERS = (*_CALLERS, "spiffe://local/ns/a/sa", "spiffe://elsewhere/ns/a/sa/1", "", None)
_WHOM = ("spiffe://local/ns/a/**", "**", *_CALLERS)
_ACTIONS = ("get", "list", "cancel", "watch")
_RATES = {
    name: Rate(100_000, 100_000)
    for name in ("GetJobRun", "ListJobRuns", "CancelJobRun", "ListJobRunAttempts", "GetDashboardForJobRun")
}
_PLACES = ("here", "there")  # two applications, whatever their ids
_BUSY = [
    HealthCheck.function_scoped_fixture,
    HealthCheck.too_slow,
]  # folders are the examples' own; machines may be busy
_numbers = itertools.count()


@dataclass(frozen=True)
class _World:
    """Who has which labels, what the documents say, and whose run is where."""

    table: _Table
    documents: list[dict[str, Any]]
    runs: list[tuple[str, str | None]]

    def labels(self, caller: str) -> dict[str, str]:
        """The first match of each label."""
        found: dict[str, str] = {}
        for whom, labels in self.table:
            if _is_meant(whom, caller):
                found.update({key: value for key, value in labels.items() if key not in found})
        return found

    def may(self, action: str, caller: str, place: str, owner: str | None) -> bool:
        """Whether any grant of any document that speaks of them says so."""
        return any(
            self._covers(grant["runs"], caller, owner)
            for document in self.documents
            for grant in document["grants"]
            if self._speaks(document.get("match", {}), caller, place)
            and self._speaks(grant.get("match", {}), caller, place)
            and action in grant["actions"]
            and {place, "**"} & set(grant["applications"])
        )

    def _speaks(self, match: Mapping[str, Any], caller: str, place: str) -> bool:
        mine = self.labels(caller)
        return (
            ("callers" not in match or any(_is_meant(whom, caller) for whom in match["callers"]))
            and ("applications" not in match or bool({place, "**"} & set(match["applications"])))
            and all(mine.get(key) in values for key, values in match.get("labels", {}).items())
        )

    def _covers(self, runs: str, caller: str, owner: str | None) -> bool:
        if runs == "all":
            return True
        if runs == "own":
            return owner == caller
        label = runs.removeprefix("label:")
        mine = self.labels(caller).get(label)
        return mine is not None and owner is not None and self.labels(owner).get(label) == mine


def _is_meant(whom: str, caller: str) -> bool:
    return whom in ("**", caller) or (whom.endswith("/**") and caller.startswith(whom[:-2]))


_LABELS = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["x", "y"]), min_size=1)
_APPLICATIONS = st.lists(st.sampled_from([*_PLACES, "**"]), min_size=1, max_size=2, unique=True)
_MATCH = st.fixed_dictionaries(
    {},
    optional={
        "callers": st.lists(st.sampled_from(_WHOM), min_size=1, max_size=2, unique=True),
        "applications": _APPLICATIONS,
        "labels": st.dictionaries(
            st.sampled_from(["team", "tier"]), st.lists(st.sampled_from(["x", "y"]), min_size=1, unique=True)
        ),
    },
)
_GRANT = st.fixed_dictionaries(
    {
        "actions": st.lists(st.sampled_from(_ACTIONS), min_size=1, unique=True),
        "applications": _APPLICATIONS,
        "runs": st.sampled_from(["own", "all", "label:team", "label:tier"]),
    },
    optional={"match": _MATCH},
)
_DOCUMENT = st.fixed_dictionaries({"grants": st.lists(_GRANT, max_size=4)}, optional={"match": _MATCH})
# Enough grants of one action beside those of another that a mistake between them shows.
_WORLDS = st.builds(
    _World,
    table=st.lists(st.tuples(st.sampled_from(_WHOM), _LABELS), max_size=4),
    documents=st.lists(_DOCUMENT, min_size=1, max_size=3),
    runs=st.lists(st.tuples(st.sampled_from(_PLACES), st.sampled_from(_OWNERS)), min_size=2, max_size=5),
)


class _Said:
    """An identity that believes what it is told."""

    def __init__(self, world: _World) -> None:
        self._world = world

    def identify(self, peer: Peer) -> Caller:
        """Whom the authorization names."""
        (caller,) = peer.authorization
        return Caller(caller, self._world.labels(caller))


@dataclass(frozen=True)
class _Aws:
    sandbox: Sandbox
    target: Target
    start: Callable[[str, str | None], str]

    def of(self, _: str) -> Target:
        """The one target."""
        return self.target


@pytest.fixture(scope="module")
def aws() -> Iterator[_Aws]:
    """The sandbox, the gateway's way to it, and the way around the gateway."""
    with pytest.MonkeyPatch.context() as patch, Sandbox(seconds_per_state=3600) as sandbox:
        with_surroundings(patch)
        with target(sandbox.url, rates=_RATES) as to_sandbox, straight(sandbox.url) as client:
            yield _Aws(sandbox, to_sandbox, lambda application, owner: around(client, application, owner))


@functools.cache
def _audit() -> Audit:
    return Audit(AuditSettings(path="/dev/null"))


class _Door:
    """A gateway's work for one world, as each caller meets it."""

    def __init__(self, world: _World, aws: Any, folder: Path, ids: Mapping[str, str]) -> None:  # noqa: ANN401 - as much of Targets as is asked for
        _write(world, folder, ids)
        owners = Owners(Labels(world.table))
        intake = Intake(_Said(world), 65_536)
        self._access = Access(PolicySource(folder), aws, owners)
        self._runs = Runs(intake, self._access, owners, _audit())
        self._listing = Listing(intake, self._access)
        self._world = world

    def opens(self, method: str, caller: str, application: str, run: str) -> bool:
        """Whether it does what the method says; a `NotFound` where it does not."""
        named: dict[str, Any] = {"application_id": application, "job_run_id": run}
        try:
            if method == "WatchJobRun":
                request = {"applicationId": application, "jobRunId": run}
                known = Caller(caller, self._world.labels(caller))
                self._access.asked("watch", known, request).authorise(_call(caller))
            elif method == "CancelJobRun":
                reply = self._runs.cancel(pb.CancelJobRunRequest(**named).SerializeToString(), _call(caller))
                assert reply.job_run_id == run
            elif method == "ListJobRunAttempts":
                told = self._runs.attempts(pb.ListJobRunAttemptsRequest(**named).SerializeToString(), _call(caller))
                assert [each.attempt for each in told.job_run_attempts] == [1]
            else:
                request_of_it = pb.GetDashboardForJobRunRequest(**named).SerializeToString()
                assert run in self._runs.dashboard(request_of_it, _call(caller)).url
        except NotFound:
            return False
        return True

    def got(self, caller: str, application: str, run: str, attempt: int | None) -> bool | None:
        """Whether GetJobRun tells the run's code as well; None where it tells nothing of it."""
        request = pb.GetJobRunRequest(application_id=application, job_run_id=run, attempt=attempt)
        try:
            reply = self._runs.get(request.SerializeToString(), _call(caller))
        except NotFound:
            return None
        assert reply.job_run.job_run_id == run
        return bool(reply.job_run.job_driver.spark_submit.entry_point)

    def listed(self, caller: str, application: str, size: int) -> list[str] | None:
        """The ids on all pages; None where the application is not there for this caller."""
        found: list[str] = []
        token: str | None = None
        while token != "":
            request = pb.ListJobRunsRequest(application_id=application, max_results=size, next_token=token)
            try:
                page = self._listing.list(request.SerializeToString(), _call(caller))
            except NotFound:
                return None
            found += [run.id for run in page.job_runs]
            token = page.next_token
        return found


def _write(world: _World, folder: Path, ids: Mapping[str, str]) -> None:
    """The world's documents as files, each place by its application's id."""
    for number, document in enumerate(world.documents):
        named = {"apiVersion": "emrgateway/v1", "kind": "Policy", "metadata": {"name": f"p{number}"}, **document}
        text = json.dumps(named)
        for place, application in ids.items():
            text = text.replace(f'"{place}"', f'"{application}"')
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")


def _call(caller: str) -> Call:
    return Call(20, peer=Peer(authorization=(caller,)))


_ACTION_OF = {
    "WatchJobRun": "watch",
    "ListJobRunAttempts": "get",
    "GetDashboardForJobRun": "get",
    "CancelJobRun": "cancel",
}


def _all_runs(world: _World, aws: _Aws, ids: Mapping[str, str]) -> list[tuple[str, str | None, str]]:
    return [(place, owner, aws.start(ids[place], owner)) for place, owner in world.runs]


# No shrinking: each example asks AWS a hundred times, and a failure names caller, run and method as it is.
@settings(
    max_examples=60,
    suppress_health_check=_BUSY,
    phases=[Phase.explicit, Phase.generate],
)
@given(_WORLDS, st.permutations(_CALLERS), st.integers(1, 3))
def test_what_may_be_done_is_what_the_policy_says(
    aws: _Aws, tmp_path: Path, world: _World, callers: Sequence[str], size: int
) -> None:
    """Every caller, every run, every method, and each run under the other application's name too."""
    number = next(_numbers)
    ids = {place: f"00{place}{number}" for place in _PLACES}
    folder = tmp_path / str(number)
    folder.mkdir()
    runs = _all_runs(world, aws, ids)
    door = _Door(world, aws, folder, ids)
    for caller in callers:
        for place in _PLACES:
            mine = [run for there, owner, run in runs if there == place and world.may("list", caller, place, owner)]
            assert (door.listed(caller, ids[place], size) or []) == mine[::-1]
        for place, owner, run in runs:
            wanted = (owner == caller) if world.may("get", caller, place, owner) else None
            assert door.got(caller, ids[place], run, None) is wanted
            assert door.got(caller, ids[place], run, 1) is wanted
            elsewhere = next(other for other in _PLACES if other != place)
            assert door.got(caller, ids[elsewhere], run, 1) is None
            for method, action in _ACTION_OF.items():
                may = world.may(action, caller, place, owner)
                assert door.opens(method, caller, ids[place], run) is may, method


@settings(max_examples=200, suppress_health_check=_BUSY)
@given(_WORLDS)
def test_the_engine_agrees_about_every_owner(tmp_path: Path, world: _World) -> None:
    """More worlds, without AWS: every caller, owner, place and action."""
    folder = tmp_path / str(next(_numbers))
    folder.mkdir()
    _write(world, folder, {})
    engine = engines.load(folder)
    for caller, place, action in itertools.product(_CALLERS, _PLACES, _ACTIONS):
        known = Caller(caller, world.labels(caller))
        for owner in _OWNERS:
            whose = None if owner is None else Caller(owner, world.labels(owner))
            told = engine.may_touch(action, known, place, whose)
            assert told is world.may(action, caller, place, owner), (caller, place, action, owner)
            assert not told or engine.has_grant(action, known, place)
