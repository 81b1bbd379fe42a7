"""One accepted submission is one job run: repeats, replicas, changed policies, reused tokens, lost answers."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway_sandbox import Fault, Sandbox

from .gateways import ACCOUNT, ALLOW_ALL, CALLER, PATIENCE_SECONDS, REGION, Gateway, configuration, serving
from .jobs import ROLE, body, job, message
from .ledgers import items, ledger
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emrgateway.v1 import job_run_service_pb2 as pb
    from emrgateway_sandbox import JobRunRecord

    from .conftest import Serve

_CAPPED = (
    ALLOW_ALL
    + """\
rules:
  - {id: timeout, field: execution_timeout_minutes, set: 300}
"""
)
_REFUSES = (
    ALLOW_ALL
    + """\
rules:
  - {id: never, field: name, required: true, pattern: mended}
"""
)
_REUSED = ("ALREADY_EXISTS", "CLIENT_TOKEN_REUSED", "not_started")


@pytest.fixture(scope="module")
def shared(sandbox: Sandbox) -> dict[str, Any]:
    """The ledger of the replicas below."""
    return ledger(sandbox.url)


@pytest.fixture(scope="module")
def replica(
    sandbox: Sandbox, shared: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Gateway]]:
    """Make replicas that share a ledger, one a policy and caller, kept until the module's end."""
    made: dict[tuple[str, str], tuple[Any, Gateway]] = {}

    def make(policy: str = ALLOW_ALL, caller: str = CALLER) -> Gateway:
        if (policy, caller) not in made:
            settings = configuration(sandbox.url, ledger=shared, identity={"insecure": {"caller": caller}})
            context = serving(tmp_path_factory.mktemp("replica"), settings, policy)
            made[policy, caller] = (context, context.__enter__())
        return made[policy, caller][1]

    yield make
    for context, _ in made.values():
        context.__exit__(None, None, None)


def _application() -> str:
    """One that no other test uses."""
    return f"00{uuid.uuid4().hex}"


def _runs(sandbox: Sandbox, application: str) -> list[JobRunRecord]:
    return [run for run in sandbox.job_runs() if run.application_id == application]


def _told(call: Callable[[], object]) -> tuple[str, str, str | None]:
    told = refused(call)
    return told.code, told.reason, told.outcome


def test_a_repeat_gets_the_reply_that_was_given(sandbox: Sandbox, open_gateway: Gateway) -> None:
    """In memory: three calls, one reply, and AWS was asked once."""
    request = job(applicationId=_application())
    replies = [open_gateway.start(request) for _ in range(3)]
    assert replies[0] == replies[1] == replies[2]
    (run,) = _runs(sandbox, request.application_id)
    assert (run.job_run_id, run.start_calls) == (replies[0].job_run_id, 1)


def test_another_replica_gives_it_whatever_its_policy_says(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """Under a policy that amends otherwise, and under one that refuses: the same run and decision, nothing is sent."""
    request = job(applicationId=_application(), executionTimeoutMinutes=900)
    first = replica(_CAPPED).start(request)
    assert [item.rule_id for item in first.decision.outcomes] == ["everything/timeout"]
    assert replica().start(request) == first
    assert replica(_REFUSES).start(request) == first
    assert [run.start_calls for run in _runs(sandbox, request.application_id)] == [1]
    other = job(applicationId=request.application_id)
    assert _told(lambda: replica(_REFUSES).start(other))[1] == "POLICY_VIOLATION"


def test_a_restart_forgets_nothing(sandbox: Sandbox, serve: Serve) -> None:
    """The same table under a new process: the same reply."""
    section = ledger(sandbox.url)
    request = job(applicationId=_application())
    gateway = serve(sandbox.url, sections={"ledger": section})
    first = gateway.start(request)
    gateway.stop()
    assert serve(sandbox.url, _REFUSES, sections={"ledger": section}).start(request) == first


@pytest.mark.parametrize("policy", [ALLOW_ALL, _CAPPED, _REFUSES])
def test_a_token_with_another_request(policy: str, sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """On the same replica and on others, CLIENT_TOKEN_REUSED comes before policy; no second run."""
    request = body(applicationId=_application())
    replica().start(message(request))
    assert _told(lambda: replica(policy).start(message({**request, "name": "other"}))) == _REUSED
    assert len(_runs(sandbox, request["applicationId"])) == 1


def test_another_callers_equal_token_is_another_run(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """Equal token, equal request, one ledger, two callers: two runs, each with its own tag."""
    request = job(applicationId=_application())
    other = "spiffe://local/ns/other/sa/etl"
    runs = {replica(caller=caller).start(request).job_run_id for caller in (CALLER, other)}
    assert len(runs) == 2
    owners = {run.body["tags"]["emr-gateway:caller"] for run in _runs(sandbox, request.application_id)}
    assert owners == {CALLER, other}


def test_a_denial_binds_no_token(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """What policy refused may come again with the same token, mended or as it was."""
    denied = body(applicationId=_application())
    assert _told(lambda: replica(_REFUSES).start(message(denied)))[1] == "POLICY_VIOLATION"
    assert replica(_REFUSES).start(message({**denied, "name": "mended"})).job_run_id
    assert len(_runs(sandbox, denied["applicationId"])) == 1


@pytest.mark.parametrize("fault", ["quota", "access-denied"])
def test_what_started_nothing_binds_no_token(fault: str, sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """AWS refused the call: the token is free for another request."""
    request = body(applicationId=_application())
    sandbox.play(Fault(fault, application_id=request["applicationId"]))
    assert _told(lambda: replica().start(message(request)))[2] == "not_started"
    assert replica().start(message({**request, "name": "mended"})).job_run_id


def test_a_dry_run_neither_reads_nor_binds(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """It tells what policy says today, before and after a submission with the same token, whatever was sent."""
    request = body(applicationId=_application())
    replica().start(message({**request, "name": "dry"}, validate_only=True))
    first = replica().start(message(request))
    assert _runs(sandbox, request["applicationId"])[0].job_run_id == first.job_run_id
    dry = replica(_REFUSES).start(message({**request, "name": "dry"}, validate_only=True))
    assert [item.rule_id for item in dry.decision.outcomes] == ["everything/never"]
    assert not dry.job_run_id
    assert len(_runs(sandbox, request["applicationId"])) == 1


@pytest.mark.parametrize("policy", [None, ALLOW_ALL])
def test_equal_requests_at_one_time(
    policy: str | None, sandbox: Sandbox, open_gateway: Gateway, replica: Callable[..., Gateway]
) -> None:
    """On one replica in memory, and on two with a table: twenty calls, one of AWS's, one reply."""
    request = job(applicationId=_application())
    sandbox.play(Fault("slow", application_id=request.application_id, seconds=0.5))
    gateways = [open_gateway] if policy is None else [replica(policy), replica(_REFUSES)]
    if policy is not None:
        # Both judge before either has sent: the one that refuses must not be first.
        gateways[1] = replica(_CAPPED)
    with ThreadPoolExecutor(20) as callers:
        calls = [callers.submit(gateways[number % len(gateways)].start, request) for number in range(20)]
        replies = [call.result(PATIENCE_SECONDS) for call in calls]
    assert all(reply == replies[0] for reply in replies)
    (run,) = _runs(sandbox, request.application_id)
    assert (run.start_calls, run.job_run_id) == (1, replies[0].job_run_id)


def test_another_request_while_the_first_is_on_its_way(sandbox: Sandbox, open_gateway: Gateway) -> None:
    """CLIENT_TOKEN_REUSED at once; the first one goes on."""
    request = body(applicationId=_application())
    sandbox.play(Fault("slow", application_id=request["applicationId"], seconds=2))
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(open_gateway.start, message(request))
        while not sandbox.job_runs() or not _runs(sandbox, request["applicationId"]):
            pass
        assert _told(lambda: open_gateway.start(message({**request, "name": "other"}))) == _REUSED
        assert not first.done()
        assert first.result(PATIENCE_SECONDS).job_run_id


_LOST = ["drip", "hang-after", "no-id", "reset-after", "error-after", "truncated", "garbage", "unavailable-after"]


@pytest.mark.parametrize("fault", _LOST)
def test_a_lost_answer(fault: str, sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """The run is there and its answer is not: `unknown` or the reply; the repeat, on another replica, finds the run."""
    request = job(applicationId=_application())
    sandbox.play(Fault(fault, application_id=request.application_id, times=None, seconds=30))
    assert _told(lambda: replica().start(request, timeout=1.5))[2] == "unknown"
    sandbox.clear_faults()
    reply = replica(_CAPPED).start(request)
    (run,) = _runs(sandbox, request.application_id)
    assert reply.job_run_id == run.job_run_id
    assert replica().start(request) == reply


def test_refused_after_a_lost_answer(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """Policy has changed since: the run that was accepted is found; nothing is sent again."""
    request = job(applicationId=_application())
    sandbox.play(Fault("reset-after", application_id=request.application_id, times=None))
    assert _told(lambda: replica().start(request, timeout=1))[2] == "unknown"
    sandbox.clear_faults()
    (run,) = _runs(sandbox, request.application_id)
    sent = run.start_calls
    assert replica(_REFUSES).start(request).job_run_id == run.job_run_id
    (run,) = _runs(sandbox, request.application_id)
    assert run.start_calls == sent


def test_refused_after_a_call_that_never_arrived(sandbox: Sandbox, replica: Callable[..., Gateway]) -> None:
    """As above, but no run is found: policy's refusal, and `unknown`, since an earlier call may have started one."""
    request = job(applicationId=_application())
    sandbox.play(Fault("reset-before", application_id=request.application_id, times=None))
    assert _told(lambda: replica().start(request, timeout=1))[2] == "unknown"
    sandbox.clear_faults()
    assert _told(lambda: replica(_REFUSES).start(request)) == ("PERMISSION_DENIED", "POLICY_VIOLATION", "unknown")
    assert replica().start(request).job_run_id
    assert len(_runs(sandbox, request.application_id)) == 1


def test_too_late_to_send_a_token_again(sandbox: Sandbox, serve: Serve) -> None:
    """After `upstream_token_hours` a lost submission is looked up, never sent: found, or `unknown`."""
    moment = 0.5
    gateway = serve(sandbox.url, sections={"ledger": ledger(sandbox.url, upstream_token_hours=moment / 3600)})
    done, lost = job(applicationId=_application()), job(applicationId=_application())
    for request, fault in ((done, "reset-after"), (lost, "reset-before")):
        sandbox.play(Fault(fault, application_id=request.application_id, times=None))
        assert _told(lambda request=request: gateway.start(request, timeout=1))[2] == "unknown"  # type: ignore[misc] # a default argument
    sandbox.clear_faults()
    time.sleep(moment)
    assert gateway.start(done).job_run_id == _runs(sandbox, done.application_id)[0].job_run_id
    told = refused(lambda: gateway.start(lost))
    assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "UPSTREAM_UNKNOWN", "unknown")
    assert "too long ago" in told.message
    assert not _runs(sandbox, lost.application_id)


@pytest.fixture(scope="module")
def lenient() -> Iterator[Sandbox]:
    """An AWS that gives a token's first run, whatever comes with it."""
    with Sandbox(seconds_per_state=3600, on_changed_body="first-run") as running:
        yield running


@pytest.fixture(params=["conflict", "first-run"])
def either(request: pytest.FixtureRequest, sandbox: Sandbox, lenient: Sandbox) -> Sandbox:
    """AWS both ways."""
    return sandbox if request.param == "conflict" else lenient


def test_a_run_without_a_row(either: Sandbox, serve: Serve) -> None:
    """In memory, after a restart with another policy: AWS's own token, or the look-up, gives the run that there is."""
    request = job(applicationId=_application())
    gateway = serve(either.url)
    first = gateway.start(request)
    for _ in range(60):  # more than a page, newer
        gateway.start(job(applicationId=request.application_id))
    gateway.stop()
    again = serve(either.url, _CAPPED).start(request)
    assert (again.application_id, again.job_run_id, again.arn) == (first.application_id, first.job_run_id, first.arn)
    assert len(_runs(either, request.application_id)) == 61


def test_another_request_without_a_row(sandbox: Sandbox, open_gateway: Gateway, serve: Serve) -> None:
    """AWS's conflict, and a run with another intent: CLIENT_TOKEN_REUSED."""
    request = body(applicationId=_application())
    open_gateway.start(message(request))
    assert _told(lambda: serve(sandbox.url).start(message({**request, "name": "other"}))) == _REUSED
    assert len(_runs(sandbox, request["applicationId"])) == 1


def test_a_conflict_whose_run_is_not_found(sandbox: Sandbox, open_gateway: Gateway, serve: Serve) -> None:
    """The look-up cannot be made, or finds nothing: UPSTREAM_UNKNOWN, and the repeat finds it."""
    request = job(applicationId=_application())
    first = open_gateway.start(request)
    other = serve(sandbox.url, _CAPPED)
    for operation in ("ListJobRuns", "GetJobRun"):
        sandbox.play(Fault("error-before", operation, request.application_id, times=None))
        assert _told(lambda: other.start(request, timeout=2)) == ("UNAVAILABLE", "UPSTREAM_UNKNOWN", "unknown")
        sandbox.clear_faults()
    assert other.start(request).job_run_id == first.job_run_id


def test_a_ledger_in_memory_that_is_full(sandbox: Sandbox, serve: Serve) -> None:
    """Submissions in flight are not forgotten for want of room: LEDGER_UNAVAILABLE; done ones make it."""
    gateway = serve(sandbox.url, sections={"ledger": {"max_entries": 1}})
    slow = job(applicationId=_application())
    sandbox.play(Fault("slow", application_id=slow.application_id, seconds=2))
    with ThreadPoolExecutor(1) as caller:
        first = caller.submit(gateway.start, slow)
        while not _runs(sandbox, slow.application_id):
            pass
        assert _told(lambda: gateway.start(job())) == ("UNAVAILABLE", "LEDGER_UNAVAILABLE", "not_started")
        assert first.result(PATIENCE_SECONDS).job_run_id
    assert gateway.start(job()).job_run_id


def test_the_ledger_holds_nothing_sensitive(shared: dict[str, Any], replica: Callable[..., Gateway]) -> None:
    """Digests, times, and the reply that the caller gets: no value that AWS's model marks sensitive, no plain token."""
    secret = "tr0ub4dor&3"  # noqa: S105 - what must not be told
    driver = {
        "sparkSubmit": {
            "entryPoint": f"s3://b/{secret}.py",
            "entryPointArguments": [secret],
            "sparkSubmitParameters": f"--conf k={secret}",
        }
    }
    overrides = {"applicationConfiguration": [{"classification": "spark-defaults", "properties": {"k": secret}}]}
    request = job(
        applicationId=_application(), clientToken=secret[:8], jobDriver=driver, configurationOverrides=overrides
    )
    reply: pb.StartJobRunResponse = replica(_CAPPED).start(request)
    kept = items(shared)
    assert any(reply.job_run_id.encode() in item["reply"]["B"] for item in kept if "reply" in item)
    assert secret not in repr(kept)
    assert secret[:8] not in repr(kept)
    assert not [
        item for item in kept if reply.SerializeToString() == item.get("reply", {}).get("B") and ROLE in repr(item)
    ]


def test_the_tokens_of_two_accounts_differ(sandbox: Sandbox, serve: Serve) -> None:
    """One caller's token in two accounts' applications is two submissions."""
    targets = [
        {"name": name, "account": account, "region": REGION, "endpoint_url": sandbox.url, "applications": [glob]}
        for name, account, glob in (("a", ACCOUNT, "00a*"), ("b", "210987654321", "00b*"))
    ]
    gateway = serve(sandbox.url, sections={"targets": targets})
    request = body()
    runs = [gateway.start(message({**request, "applicationId": f"00{name}{uuid.uuid4().hex}"})) for name in "ab"]
    assert runs[0].job_run_id != runs[1].job_run_id
