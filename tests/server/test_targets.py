"""Targets: whose credentials sign, how they are renewed, what goes where, and that none touches another."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from emrgateway_sandbox import Sandbox
from emrgateway_server.call import Call
from emrgateway_server.emr import AssumedRole, keys
from emrgateway_server.errors import DeadlineNears, UpstreamUnreachable

from .direct import CALLER, start, target, with_surroundings
from .fake_sts import FakeSts, fake_sts
from .faulty_aws import FaultyAws, faulty_aws
from .jobs import job
from .statuses import refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emrgateway_server.emr import Target

    from .conftest import Serve

_ROLE = AssumedRole("arn:aws:iam::123456789012:role/gateway", "shared-secret", "emr-gateway-prod")
_PATIENCE_SECONDS = 20


@pytest.fixture
def sts() -> Iterator[FakeSts]:
    """An STS that does as it is told."""
    with fake_sts() as running:
        yield running


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, sts: FakeSts) -> Iterator[FaultyAws]:
    """An AWS that starts whatever it is sent, the STS beside it; credentials are looked at twenty times a second."""
    with_surroundings(monkeypatch, **sts.environment)
    monkeypatch.setattr(keys, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(keys, "LONGEST_PAUSE_SECONDS", 0.05)
    with faulty_aws() as running:
        yield running


def _send(tested: Target, application: str = "app", seconds: float = 10) -> str:
    call = Call(seconds)
    return str(tested.send("StartJobRun", start(application), call=call, caller=CALLER)["jobRunId"])


def _until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, "it never came to hold"
        time.sleep(0.01)


def test_a_role_is_assumed_once(aws: FaultyAws, sts: FakeSts) -> None:
    """With external id and session name, when the first call needs it and not before; its credentials sign."""
    with target(aws.url, role=_ROLE) as tested:
        time.sleep(0.1)
        assert sts.calls == []
        for _ in range(3):
            _send(tested)
    (asked,) = sts.calls
    assert (asked["RoleArn"], asked["ExternalId"], asked["RoleSessionName"]) == (
        _ROLE.role_arn,
        "shared-secret",
        "emr-gateway-prod",
    )
    assert aws.keys == ["KEY1"] * 3


def test_old_credentials_are_renewed_beside_the_calls(aws: FaultyAws, sts: FakeSts) -> None:
    """What nears its end is renewed without any call; a renewal that hangs holds up none, the old ones still sign."""
    sts.seconds = 5  # nearer than botocore's 15 minutes: renewed at every look
    with target(aws.url, role=_ROLE) as tested:
        _send(tested)
        _until(lambda: len(sts.calls) >= 3)
        sts.held.set()
        count = len(sts.calls)
        _until(lambda: len(sts.calls) > count)
        began = time.monotonic()
        _send(tested)
        assert time.monotonic() - began < 1
        signed_with = int(aws.keys[-1].removeprefix("KEY"))
        assert 1 < signed_with <= count
        sts.held.clear()
        sts.released.set()
        _until(lambda: _send(tested) and int(aws.keys[-1].removeprefix("KEY")) > count)


def test_a_renewal_that_fails_leaves_the_old_ones(aws: FaultyAws, sts: FakeSts) -> None:
    """STS may be down for as long as the old credentials last; it is asked again and again meanwhile."""
    sts.seconds = 5
    with target(aws.url, role=_ROLE) as tested:
        _send(tested)
        sts.denied.add(_ROLE.role_arn)
        count = len(sts.calls)
        _until(lambda: len(sts.calls) >= count + 2)
        assert _send(tested) == "00run"
        assert int(aws.keys[-1].removeprefix("KEY")) <= count
        sts.denied.clear()
        _until(lambda: _send(tested) and int(aws.keys[-1].removeprefix("KEY")) > count)


def test_expired_credentials_are_renewed_once(aws: FaultyAws, sts: FakeSts) -> None:
    """AWS says expired before the clock does: other credentials, and the same request again."""
    aws.faults["app"] = [{"status": 403, "type": "ExpiredTokenException"}, {}]
    aws.faults["always"] = {"status": 403, "type": "ExpiredTokenException"}
    with target(aws.url, role=_ROLE) as tested:
        assert _send(tested) == "00run"
        assert aws.keys == ["KEY1", "KEY2"]
        with pytest.raises(UpstreamUnreachable) as caught:
            _send(tested, "always")
    assert caught.value.outcome == "not_started"
    assert len(aws.seen["always"]) <= 2
    assert len(sts.calls) <= 3


def test_a_role_that_is_denied(aws: FaultyAws, sts: FakeSts) -> None:
    """Calls are told so at once, and nothing is sent; when it is allowed, they go through."""
    sts.denied.add(_ROLE.role_arn)
    with target(aws.url, role=_ROLE) as tested:
        with pytest.raises(UpstreamUnreachable, match=r"no credentials for target tested \(AccessDenied\)"):
            _send(tested)
        assert not aws.seen
        sts.denied.clear()
        _until(lambda: _is_sent(tested))


def test_an_sts_that_hangs(aws: FaultyAws, sts: FakeSts) -> None:
    """The first credentials are waited for within the deadline and no longer; nothing was sent."""
    sts.held.set()
    with target(aws.url, role=_ROLE) as tested:
        began = time.monotonic()
        with pytest.raises(DeadlineNears) as caught:
            _send(tested, seconds=0.5)
        assert time.monotonic() - began > 0.4
    assert caught.value.outcome == "not_started"
    assert not aws.seen


def test_so_many_wait_for_the_first_credentials(aws: FaultyAws, sts: FakeSts, monkeypatch: pytest.MonkeyPatch) -> None:
    """While STS hangs, a target's calls do not gather without end: those beyond the bound are told at once."""
    monkeypatch.setattr(keys, "MOST_WAITING", 2)
    sts.held.set()
    with target(aws.url, role=_ROLE) as tested, ThreadPoolExecutor(2) as callers:
        waiting = [callers.submit(_send, tested) for _ in range(2)]
        _until(lambda: len(tested._keys._waiting) == 2)  # noqa: SLF001 - nothing else tells
        with pytest.raises(UpstreamUnreachable, match="still being fetched"):
            _send(tested)
        sts.held.clear()
        sts.released.set()
        assert [call.result(5) for call in waiting] == ["00run"] * 2


def _is_sent(tested: Target) -> bool:
    try:
        return bool(_send(tested))
    except UpstreamUnreachable:
        return False


def test_roles_by_the_sandbox(serve: Serve) -> None:
    """A gateway before two accounts, by moto's STS: each job is started by its target's role, in its region."""
    with Sandbox(seconds_per_state=3600) as sandbox:
        targets = [
            {
                "name": name,
                "account": "123456789012",
                "region": region,
                "endpoint_url": sandbox.url,
                "applications": [f"{name}*"],
                "assume_role": {"role_arn": f"arn:aws:iam::123456789012:role/{name}", "external_id": "shared"},
            }
            for name, region in (("east", "us-east-1"), ("west", "us-west-2"))
        ]
        gateway = serve(sandbox.url, sections={"targets": targets}, environment={"AWS_ENDPOINT_URL_STS": sandbox.url})
        for name in ("east", "west"):
            gateway.start(job(applicationId=f"{name}1"))
        assert refused(lambda: gateway.start(job(applicationId="north1"))).reason == "NO_TARGET"
        found = {run.application_id: (run.region, run.created_by) for run in sandbox.job_runs()}
    assert found == {
        f"{name}1": (region, f"arn:aws:sts::123456789012:assumed-role/{name}/emr-gateway")
        for name, region in (("east", "us-east-1"), ("west", "us-west-2"))
    }


def test_a_target_without_credentials_touches_no_other(serve: Serve) -> None:
    """One role is denied, another target's endpoint hangs: the third answers as if it were alone, from the start on."""
    with faulty_aws() as aws, fake_sts() as sts:
        sts.denied.add("arn:aws:iam::210987654321:role/denied")
        aws.faults["hang"] = {"how": "hang"}
        shared = {"region": "us-east-1", "endpoint_url": aws.url}
        denied = {"assume_role": {"role_arn": "arn:aws:iam::210987654321:role/denied"}}
        targets = [
            {**shared, "name": "denied", "account": "210987654321", "applications": ["denied"], **denied},
            {**shared, "name": "hanging", "account": "210987654321", "applications": ["hang"]},
            {**shared, "name": "sound", "account": "123456789012"},
        ]
        limits = {"max_in_flight": 8, "drain_pause_seconds": 0}
        gateway = serve(aws.url, sections={"targets": targets, "limits": limits}, environment=sts.environment)
        hung = [gateway.jobs.StartJobRun.future(job(applicationId="hang"), timeout=20) for _ in range(8)]
        for _ in range(6):  # three quarters of the places: the others wait for a turn, and hold none
            assert aws.arrived.acquire(timeout=_PATIENCE_SECONDS)
        _until(lambda: refused(lambda: gateway.start(job(applicationId="denied"))).reason == "UPSTREAM_UNREACHABLE")
        for _ in range(10):
            told = refused(lambda: gateway.start(job(applicationId="denied")))
            assert (told.code, told.reason, told.outcome) == ("UNAVAILABLE", "UPSTREAM_UNREACHABLE", "not_started")
            began = time.monotonic()
            assert gateway.start(job(applicationId="sound")).job_run_id == "00run"
            assert time.monotonic() - began < 2
        assert len(aws.seen["hang"]) == 6
        for call in hung:
            call.cancel()
        aws.released.set()
