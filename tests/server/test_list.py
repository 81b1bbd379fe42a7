"""ListJobRuns: what the caller may see of AWS's list, in pages that neither lose nor repeat, at a bounded cost."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from emrgateway.v1 import job_configuration_pb2, job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_sandbox import Fault, Sandbox
from emrgateway_server.listing import MOST_LISTS, MOST_LOOKS
from emrgateway_server.pages import Cursor, mark, read, written

from .around import around, straight
from .gateways import ALLOW_ALL, CALLER, PATIENCE_SECONDS, configuration, serving
from .jobs import job
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .conftest import Serve
    from .gateways import Gateway

_COLLEAGUE, _STRANGER = "spiffe://local/ns/data-eng/sa/other", "spiffe://local/ns/ml/sa/etl"
_CALLERS = [
    {"match": "spiffe://local/ns/data-eng/**", "labels": {"team": "data-eng"}},
    {"match": "spiffe://local/ns/ml/**", "labels": {"team": "ml"}},
]
_OWNERS: tuple[str | None, ...] = (CALLER, _COLLEAGUE, _STRANGER, None)
_RUNS: dict[str, set[str | None]] = {"own": {CALLER}, "label:team": {CALLER, _COLLEAGUE}, "all": set(_OWNERS)}
_RATE = {"per_second": 2_000, "burst": 2_000}
_GRANTS = "".join(
    f"  - {{actions: [start, list], applications: ['00{runs[:3]}*'], roles: ['**'], runs: {runs!r}}}\n"
    for runs in _RUNS
)
_numbers = itertools.count()


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """A sandbox whose calls nobody else makes; its runs stay SUBMITTED until they are driven."""
    with Sandbox(seconds_per_state=3600) as running:
        yield running


@pytest.fixture(scope="module")
def start(aws: Sandbox) -> Iterator[Callable[..., str]]:
    """Start a run as someone does who goes around the gateway: `start(application, owner, **members)`."""
    with straight(aws.url) as client:
        yield lambda application, owner, **members: around(client, application, owner, **members)


def _settings(url: str, caller: str = CALLER) -> dict[str, Any]:
    settings = configuration(url, callers=_CALLERS, identity={"insecure": {"caller": caller}})
    settings["targets"][0]["rates"] = dict.fromkeys(("StartJobRun", "GetJobRun", "ListJobRuns"), _RATE)
    return settings


def _policy() -> str:
    return ALLOW_ALL.partition("  - ")[0] + _GRANTS


@pytest.fixture(scope="module")
def gateway(aws: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with a grant for each kind of `runs`, on applications whose ids begin with it."""
    with serving(tmp_path_factory.mktemp("listing"), _settings(aws.url), _policy()) as running:
        yield running


@pytest.fixture
def fresh(aws: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Make gateways that know no owner yet."""
    with contextlib.ExitStack() as stack:
        yield lambda caller=CALLER: stack.enter_context(
            serving(tmp_path / f"fresh-{next(_numbers)}", _settings(aws.url, caller), _policy())
        )


def _application(runs: str) -> str:
    """An application of a test's own, under the grant with these `runs`."""
    return f"00{runs[:3]}{next(_numbers)}"


def _page(gateway: Gateway, application: str, timeout: float = PATIENCE_SECONDS, **members: Any) -> Any:  # noqa: ANN401 - the reply
    request = pb.ListJobRunsRequest(application_id=application, **members)
    return gateway.jobs.ListJobRuns(request, timeout=timeout)


def _pages(gateway: Gateway, application: str, **members: Any) -> list[list[str]]:  # noqa: ANN401 - any member
    """The ids on each page, to the last."""
    found: list[list[str]] = []
    token = None
    while token != "":
        page = _page(gateway, application, next_token=token, **members)
        found.append([run.id for run in page.job_runs])
        token = page.next_token
        assert len(found) < 1000
    return found


def _all(gateway: Gateway, application: str, **members: Any) -> list[str]:  # noqa: ANN401 - any member
    return [run for page in _pages(gateway, application, **members) for run in page]


@pytest.mark.parametrize("size", [1, 7, 50, None])
@pytest.mark.parametrize("runs", _RUNS)
def test_what_the_caller_may_see(runs: str, size: int | None, gateway: Gateway, start: Callable[..., str]) -> None:
    """Of a hundred runs of four owners, those of the grant's, newest first, each once, whatever a page holds."""
    application = _application(runs)
    dice = random.Random(size)  # noqa: S311 - a table of a test
    owners = [dice.choice(_OWNERS) for _ in range(120)]
    started = [(start(application, owner), owner) for owner in owners]
    pages = _pages(gateway, application, max_results=size)
    assert [run for page in pages for run in page] == [run for run, owner in reversed(started) if owner in _RUNS[runs]]
    assert max(map(len, pages)) <= (size or 50)
    if size == 7:
        assert all(len(page) == 7 for page in pages[:-1])


def test_a_summary_is_whole(gateway: Gateway, start: Callable[..., str], aws: Sandbox) -> None:
    """What AWS tells of each run; a state newer than the contract is told as none, and ends nothing."""
    application = _application("own")
    run = start(application, CALLER, name="nightly", mode="STREAMING")
    aws.drive(run, "HIBERNATING")
    (told,) = _page(gateway, application).job_runs
    assert (told.id, told.name, told.application_id) == (run, "nightly", application)
    assert (told.mode, told.state) == (
        job_configuration_pb2.JOB_RUN_MODE_STREAMING,
        job_run_pb2.JOB_RUN_STATE_UNSPECIFIED,
    )
    assert told.created_at.seconds > 0
    assert told.type == "Spark"


def test_a_run_just_started_is_there_and_nobody_is_asked(aws: Sandbox, gateway: Gateway) -> None:
    """Whose it is is known from the start's reply."""
    application = _application("own")
    run = gateway.start(job(applicationId=application)).job_run_id
    before = aws.calls
    assert _all(gateway, application) == [run]
    assert aws.calls.get("GetJobRun", 0) == before.get("GetJobRun", 0)


def test_without_a_grant(gateway: Gateway, aws: Sandbox) -> None:
    """NOT_FOUND of the application, and AWS is not asked."""
    before = aws.calls
    told = refused(lambda: _page(gateway, "00elsewhere"))
    assert (told.code, told.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert told.details["ResourceInfo"].resource_name == "applications/00elsewhere"
    assert aws.calls == before


def test_an_application_that_is_not_there(serve: Serve) -> None:
    """AWS's NOT_FOUND has the words of a missing grant."""
    with Sandbox(applications=["00there"]) as aws:
        granted, without = serve(aws.url), serve(aws.url, ALLOW_ALL.replace("list, ", ""))
        said = [refused(lambda gateway=gateway: _page(gateway, "00nowhere")) for gateway in (granted, without)]  # type: ignore[misc] # a default argument
    assert said[0].raw == said[1].raw
    assert said[0].code == "NOT_FOUND"


def _filtered(start: Callable[..., str], aws: Sandbox, application: str) -> dict[str, str]:
    """Runs by name: of two modes, in three states, with and without a name."""
    names = {"daily-a": "BATCH", "daily-b": "STREAMING", "daily": "BATCH", "weekly": "BATCH", "da*": "BATCH"}
    started = {name: start(application, CALLER, name=name, mode=mode) for name, mode in names.items()}
    started[""] = start(application, CALLER)
    aws.drive(started["daily"], "SUCCESS")
    aws.drive(started["weekly"], "FAILED")
    return started


@pytest.mark.parametrize(
    ("members", "wanted"),
    [
        ({"name": "daily"}, ["daily"]),
        ({"name": "daily*"}, ["daily", "daily-a", "daily-b"]),
        ({"name": "da*"}, ["daily", "daily-a", "daily-b", "da*"]),
        ({"name": "aily"}, []),
        ({"name": "*"}, ["daily", "daily-a", "daily-b", "weekly", "da*", ""]),
        ({"states": ["JOB_RUN_STATE_SUCCESS", "JOB_RUN_STATE_FAILED"]}, ["daily", "weekly"]),
        ({"states": ["JOB_RUN_STATE_SUBMITTED"], "name": "daily*"}, ["daily-a", "daily-b"]),
        ({"mode": "JOB_RUN_MODE_STREAMING"}, ["daily-b"]),
        ({"mode": "JOB_RUN_MODE_STREAMING", "name": "weekly"}, []),
    ],
    ids=str,
)
def test_filters(
    members: dict[str, Any], wanted: list[str], gateway: Gateway, start: Callable[..., str], aws: Sandbox
) -> None:
    """By name, whole or by its beginning, by state and by mode, and all together; page by page the same."""
    application = _application("own")
    started = _filtered(start, aws, application)
    start(application, _STRANGER, name="daily")
    assert set(_all(gateway, application, **members)) == {started[name] for name in wanted}
    assert sorted(_all(gateway, application, max_results=1, **members)) == sorted(started[name] for name in wanted)


def test_times(gateway: Gateway, start: Callable[..., str]) -> None:
    """Created before and after reach AWS."""
    application = _application("own")
    first = start(application, CALLER)
    time.sleep(0.05)
    between = Timestamp()
    between.FromDatetime(dt.datetime.now(dt.UTC))
    time.sleep(0.05)
    second = start(application, CALLER)
    assert _all(gateway, application, created_at_before=between) == [first]
    assert _all(gateway, application, created_at_after=between) == [second]


def test_a_page_costs_a_bounded_number_of_calls(
    fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """Of 230 runs of which two are the caller's, on a gateway that knows none: so many lists and looks a page, no more.

    The second time nobody's owner is asked for, and a page looks at as many as its lists hold.
    """
    application = _application("own")
    mine = [start(application, CALLER)]
    for _ in range(228):
        start(application, _STRANGER)
    mine.append(start(application, CALLER))
    gateway, found, token, pages = fresh(), [], None, 0
    while token != "":
        before = aws.calls
        page = _page(gateway, application, next_token=token)
        calls = {name: count - before.get(name, 0) for name, count in aws.calls.items()}
        assert calls["ListJobRuns"] <= MOST_LISTS
        assert calls["GetJobRun"] <= MOST_LOOKS
        found += [run.id for run in page.job_runs]
        token, pages = page.next_token, pages + 1
    assert found == mine[::-1]
    assert pages == 5  # 230 runs, 50 looks each
    before = aws.calls
    assert [len(page) for page in _pages(gateway, application)] == [1, 1]
    assert aws.calls["GetJobRun"] == before["GetJobRun"]
    assert aws.calls["ListJobRuns"] - before["ListJobRuns"] == 5


def test_a_list_does_not_tell_what_others_runs_are_called(
    fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """A list costs the same number of calls, and so the same time, whether a name is one that strangers use or not."""
    application = _application("own")
    for _ in range(5):
        start(application, _STRANGER, name="payroll")
    costs = []
    for name in ("payroll", "pay*", "invoices"):
        gateway, before = fresh(), aws.calls
        assert not _page(gateway, application, name=name).job_runs
        costs.append(aws.calls.get("GetJobRun", 0) - before.get("GetJobRun", 0))
    assert costs == [5, 5, 5]


def test_who_sees_all_costs_one_list_a_page(
    fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """Whose a run is does not matter then, and is not asked."""
    application = _application("all")
    for _ in range(12):
        start(application, _STRANGER)
    gateway, before = fresh(), aws.calls
    assert [len(page) for page in _pages(gateway, application, max_results=5)] == [5, 5, 2]
    assert aws.calls["ListJobRuns"] - before.get("ListJobRuns", 0) == 3
    assert aws.calls.get("GetJobRun", 0) == before.get("GetJobRun", 0)


def test_a_deadline_makes_a_page_short(fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox) -> None:
    """With an AWS that takes its time a page comes before the deadline, and names the next; none is lost."""
    application = _application("own")
    mine = [start(application, CALLER) for _ in range(12)]
    gateway = fresh()
    aws.play(Fault("slow", operation="GetJobRun", application_id=application, times=None, seconds=0.25))
    found, token, sizes = [], None, []
    try:
        while token != "":
            began = time.monotonic()
            page = _page(gateway, application, next_token=token, timeout=1.5)
            assert time.monotonic() - began < 1.5
            sizes.append(len(page.job_runs))
            found += [run.id for run in page.job_runs]
            token = page.next_token
    finally:
        aws.clear_faults()
    assert found == mine[::-1]
    assert len(sizes) > 1


def test_what_ails_aws_in_the_middle_makes_a_page_short(
    fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """A look that fails after others succeeded ends the page; one that fails at once is told as it is."""
    application = _application("own")
    mine = [start(application, CALLER) for _ in range(3)]
    gateway = fresh()
    assert len(_page(gateway, application, max_results=1).job_runs) == 1  # whose the newest is is known now
    aws.play(Fault("unavailable-before", operation="GetJobRun", application_id=application, times=None))
    try:
        page = _page(gateway, application, timeout=5)
        assert [run.id for run in page.job_runs] == mine[:1:-1]
        told = refused(lambda: _page(gateway, application, next_token=page.next_token, timeout=5))
        assert (told.code, told.reason) == ("UNAVAILABLE", "UPSTREAM_UNKNOWN")
    finally:
        aws.clear_faults()
    rest = _page(gateway, application, next_token=page.next_token)
    assert [run.id for run in rest.job_runs] == mine[1::-1]


def test_runs_that_start_meanwhile_hide_none(gateway: Gateway, start: Callable[..., str]) -> None:
    """Between any two pages a run starts, of anyone: those that were there are all shown, and a page goes on."""
    application = _application("own")
    mine = [start(application, CALLER) for _ in range(9)]
    found, token = [], None
    while token != "":
        page = _page(gateway, application, next_token=token, max_results=2)
        found += [run.id for run in page.job_runs]
        token = page.next_token
        start(application, _STRANGER)
    assert found == mine[::-1]


def test_runs_that_leave_the_list_hide_none(gateway: Gateway, start: Callable[..., str], aws: Sandbox) -> None:
    """With a filter by state, runs that were shown leave it between pages: the others are all shown."""
    application = _application("own")
    mine = [start(application, CALLER) for _ in range(9)]
    found: set[str] = set()
    token = None
    while token != "":
        page = _page(
            gateway, application, next_token=token, max_results=2, states=[job_run_pb2.JOB_RUN_STATE_SUBMITTED]
        )
        found |= {run.id for run in page.job_runs}
        token = page.next_token
        for run in page.job_runs:
            aws.drive(run.id, "SUCCESS")
    assert found == set(mine)


def _forged(token: str) -> Iterator[str]:
    yield from (token[1:], token[:-1], "x" + token, token + "A", token[::-1], token[:8], "=", "A" * 1024)
    for place in (0, 5, 8, 9, 11, 13, len(token) - 1):
        yield token[:place] + ("B" if token[place] != "B" else "C") + token[place + 1 :]


def test_a_token_is_for_one_caller_and_one_list(
    gateway: Gateway, fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """Changed, with other filters, for another application or from another caller: INVALID_ARGUMENT, AWS is not asked.

    On another replica, and with another page size, it is good.
    """
    application, other = _application("own"), _application("own")
    for _ in range(60):
        start(application, CALLER)
    tokens = [_page(gateway, application, max_results=size).next_token for size in (3, 50)]
    stranger = fresh(_STRANGER)
    before = aws.calls
    for token in tokens:
        refusals = [
            *(lambda forged=forged: _page(gateway, application, next_token=forged) for forged in _forged(token)),
            lambda token=token: _page(gateway, other, next_token=token),
            lambda token=token: _page(gateway, application, next_token=token, name="x"),
            lambda token=token: _page(gateway, application, next_token=token, states=["JOB_RUN_STATE_RUNNING"]),
            lambda token=token: _page(gateway, application, next_token=token, mode="JOB_RUN_MODE_BATCH"),
            lambda token=token: _page(gateway, application, next_token=token, created_at_after=Timestamp(seconds=1)),
            lambda token=token: _page(stranger, application, next_token=token),
        ]
        for call in refusals:
            told = refused(call)
            assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", ["next_token"])
    assert aws.calls == before
    replica = fresh()
    assert len(_all(replica, application)) == 60
    assert len(_page(replica, application, next_token=tokens[0], max_results=50).job_runs) == 50
    assert len(_page(replica, application, next_token=tokens[1]).job_runs) == 10


def _costs(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


def _asked_for(application: str) -> dict[str, str | None]:
    """What a token is given for, where the caller asks for the whole list."""
    return {"applicationId": application, "name": None}


def _told_for(gateway: Gateway, aws: Sandbox, application: str, cursor: Cursor, size: int) -> Any:  # noqa: ANN401 - a tuple to compare
    """What a token that was made up brings: the runs, the next token, and what AWS was asked."""
    token = written(cursor, CALLER, _asked_for(application))
    before = aws.calls
    page = _page(gateway, application, next_token=token, max_results=size)
    return [each.id for each in page.job_runs], page.next_token, _costs(before, aws.calls)


@pytest.mark.parametrize(("size", "index"), [(1, 1), (1, 50), (2, 3), (50, 50)])
def test_a_token_that_was_made_up_confirms_no_run(
    size: int, index: int, fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """Others' runs in it, and nobody's, get the answer of one that is not there, at the same cost: at first and again.

    The caller's own is gone on from, on a gateway that has never seen it too.
    """
    application = _application("own")
    owners = [CALLER, _STRANGER, None, CALLER, _COLLEAGUE, CALLER, _STRANGER]
    runs = [start(application, owner) for owner in owners][::-1]
    owners.reverse()
    guesses = [run for run, owner in zip(runs, owners, strict=True) if owner != CALLER]
    gateways = {run: fresh() for run in (*guesses, "00nosuchrun00000")}
    for _ in range(3):
        told = [
            _told_for(gateway, aws, application, Cursor("", index, mark(run)), size)
            for run, gateway in gateways.items()
        ]
        assert all(each == told[-1] for each in told)
    assert told[-1][2] == {"ListJobRuns": 1, "GetJobRun": 1}
    mine = [run for run, owner in zip(runs, owners, strict=True) if owner == CALLER]
    assert _told_for(fresh(), aws, application, Cursor("", index, mark(mine[0])), size)[0] == mine[1:][:size]


def test_each_page_from_another_replica(fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox) -> None:
    """None is lost and none comes twice, though each replica is new and asks whose the run in the token is."""
    application = _application("own")
    mine = []
    for _ in range(3):
        start(application, _STRANGER)
        mine.append(start(application, CALLER))
        start(application, _STRANGER)
    found, token = [], None
    while token != "":
        before = aws.calls
        page = _page(fresh(), application, next_token=token, max_results=1)
        assert _costs(before, aws.calls)["ListJobRuns"] == 1
        found += [run.id for run in page.job_runs]
        token = page.next_token
    assert found == mine[::-1]


def test_others_runs_alone_are_got_through(
    fresh: Callable[..., Gateway], start: Callable[..., str], aws: Sandbox
) -> None:
    """With an AWS that takes its time, pages that show none go on from what is known by then, to the list's end.

    Their tokens name none of those runs.
    """
    application = _application("own")
    mine = start(application, CALLER)
    for _ in range(12):
        start(application, _STRANGER)
    replicas, found, token, pages = [fresh(), fresh()], [], None, 0
    aws.play(Fault("slow", operation="GetJobRun", application_id=application, times=None, seconds=0.25))
    try:
        while token != "":
            page = _page(replicas[pages % 2], application, next_token=token, timeout=1.5)
            found += [run.id for run in page.job_runs]
            token, pages = page.next_token, pages + 1
            assert pages < 20
            assert not token or read(token, CALLER, _asked_for(application)) == Cursor()
    finally:
        aws.clear_faults()
    assert found == [mine]
    assert pages > 2


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({"max_results": 0}, ["max_results"]),
        ({"max_results": 51}, ["max_results"]),
        ({"name": ""}, ["name"]),
        ({"name": " "}, ["name"]),
        ({"name": "x" * 257, "max_results": 0}, ["max_results", "name"]),
        ({"name": "a\x00b"}, ["name"]),
        ({"next_token": "not/ours"}, ["next_token"]),
        ({"states": ["JOB_RUN_STATE_RUNNING"] * 9}, ["states"]),
    ],
    ids=str,
)
def test_a_malformed_question(members: dict[str, Any], fields: list[str], gateway: Gateway) -> None:
    """All that is wrong at once, the gateway's own filter as well."""
    told = refused(lambda: _page(gateway, "00own", **members))
    assert (told.code, told.reason, told.fields) == ("INVALID_ARGUMENT", "INVALID_REQUEST", fields)


def test_lists_keep_no_start_waiting(aws: Sandbox, serve: Serve) -> None:
    """While more lists wait for their turn than AWS's rate lets through, a job starts at once."""
    target = configuration(aws.url)["targets"][0] | {"rates": {"ListJobRuns": {"per_second": 1, "burst": 1}}}
    gateway = serve(aws.url, sections={"targets": [target]})
    with ThreadPoolExecutor(16) as pool:
        lists = [pool.submit(_listed_or_refused, gateway) for _ in range(16)]
        time.sleep(0.5)
        began = time.monotonic()
        gateway.start(job())
        assert time.monotonic() - began < 1
        assert _count(lists, "RESOURCE_EXHAUSTED") > 0


def _listed_or_refused(gateway: Gateway) -> str:
    try:
        _page(gateway, "00f1qr8s3v6pd409", timeout=4)
    except Exception as error:  # noqa: BLE001 - whatever is not a page
        return str(error)
    return ""


def _count(lists: Sequence[Any], said: str) -> int:
    return sum(said in each.result(30) for each in lists)
