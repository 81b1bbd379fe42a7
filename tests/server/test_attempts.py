"""The tries of a call, by real boto3 and libcurl over HTTP: what is tried again, what is told, when it is over."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from emrgateway_server.call import Call
from emrgateway_server.emr import Rate
from emrgateway_server.emr.turns import Turns
from emrgateway_server.errors import (
    Conflict,
    DeadlineNears,
    GatewayError,
    Throttled,
    UpstreamUnknown,
    UpstreamUnreachable,
)

from .certificates import self_signed
from .direct import CALLER, FAST, start, target, with_surroundings
from .faulty_aws import FaultyAws, faulty_aws
from .jobs import cases, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SECONDS = 1.5
# The bound on what a handler may take beyond its deadline.
_SLACK_SECONDS = 0.1


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    """An AWS that does as it is told, and credentials for it."""
    with_surroundings(monkeypatch)
    with faulty_aws() as running:
        yield running


@pytest.mark.parametrize("case", cases("attempts.yaml"), ids=named)
def test_tries(case: dict[str, Any], aws: FaultyAws) -> None:
    """Each row; in all of them every try sends the same bytes, and the thread is free when the deadline is."""
    aws.faults["app"] = case["aws"]
    want = case["want"]
    with target(aws.url) as tested:
        began = time.monotonic()
        try:
            reply = tested.send("StartJobRun", start("app"), call=Call(_SECONDS), caller=CALLER)
        except GatewayError as error:
            told = {"reason": error.reason, "outcome": str(error.metadata.get("outcome", error.outcome))}
        else:
            told = {"job": reply["jobRunId"]}
        assert time.monotonic() - began < _SECONDS + _SLACK_SECONDS
    assert told == {key: value for key, value in want.items() if key != "tries"}
    assert len(aws.seen["app"]) == want.get("tries", len(aws.seen["app"]))
    assert len(set(aws.seen["app"])) == 1
    assert json.loads(aws.seen["app"][0])["clientToken"] == "token"


def test_an_endpoint_that_accepts_nothing(aws: FaultyAws) -> None:
    """A connection that is never made is no byte sent: not_started, though the deadline ended it."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:  # what the backlog does not hold gets no answer to its SYN
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        with target(f"http://127.0.0.1:{full.getsockname()[1]}") as tested, pytest.raises(DeadlineNears) as caught:
            tested.send("StartJobRun", start("app"), call=Call(0.5), caller=CALLER)
        for filler in fillers:
            filler.close()
    assert caught.value.outcome == "not_started"
    assert "outcome" not in caught.value.metadata
    assert not aws.seen


def test_a_kept_connection_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that left on a kept connection may have been read: unknown, though AWS cannot be reached any more."""
    with_surroundings(monkeypatch)
    body = b'{"applicationId":"app","jobRunId":"00run","arn":"a"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as aws:

        def serve_once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)
                server.close()
                connection.recv(65_536)

        served = aws.submit(serve_once)
        with target(f"http://127.0.0.1:{server.getsockname()[1]}") as tested:
            tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
            with pytest.raises(GatewayError) as caught:
                tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
        served.result(5)
    assert caught.value.metadata.get("outcome", caught.value.outcome) == "unknown"


def test_a_caller_who_is_gone_before_the_call(aws: FaultyAws) -> None:
    """Whoever leaves while waiting for a turn sends nothing, at once, and the turn goes to the next."""
    slow = {**FAST, "StartJobRun": Rate(2, 1)}
    with target(aws.url, rates=slow) as tested, ThreadPoolExecutor(2) as callers:
        tested.send("StartJobRun", start("first"), call=Call(5), caller=CALLER)
        gone = Call(5)
        waiting = callers.submit(tested.send, "StartJobRun", start("gone"), call=gone, caller=CALLER)
        behind = callers.submit(tested.send, "StartJobRun", start("behind"), call=Call(5), caller="another")
        began = time.monotonic()
        gone.abandon()
        with pytest.raises(DeadlineNears):
            waiting.result(5)
        assert time.monotonic() - began < _SLACK_SECONDS
        assert behind.result(5)["jobRunId"] == "00run"
    assert set(aws.seen) == {"first", "behind"}


def test_those_who_are_gone_leave_their_turns(aws: FaultyAws) -> None:
    """More than may be under way at once leave the line: none of them is granted a turn that nobody ends."""
    with target(aws.url, rates={**FAST, "StartJobRun": Rate(20, 1)}) as tested, ThreadPoolExecutor(8) as callers:
        for _ in range(3):
            calls = [Call(30) for _ in range(6)]
            sending = [callers.submit(tested.send, "StartJobRun", start("gone"), call=c, caller=CALLER) for c in calls]
            for call in calls:
                call.abandon()
            for each in sending:
                each.exception(10)
        assert tested.send("StartJobRun", start("app"), call=Call(10), caller=CALLER)["jobRunId"] == "00run"


def test_a_throttle_slows_the_pace(aws: FaultyAws) -> None:
    """With a burst of turns left, the next try after a throttle waits for one of the slower pace."""
    aws.faults["app"] = [{"status": 429}, {}]
    with target(aws.url, rates={"StartJobRun": Rate(2, 50)}) as tested:
        began = time.monotonic()
        tested.send("StartJobRun", start("app"), call=Call(10), caller=CALLER)
        assert time.monotonic() - began > 0.5


def test_a_caller_who_is_gone_during_the_call(aws: FaultyAws) -> None:
    """What was sent is not cut off: the reply is waited for, and it is there for whoever keeps it."""
    aws.faults["app"] = {"how": "hang"}
    with target(aws.url) as tested, ThreadPoolExecutor(1) as callers:
        call = Call(5)
        sending = callers.submit(tested.send, "StartJobRun", start("app"), call=call, caller=CALLER)
        assert aws.arrived.acquire(timeout=5)
        assert call.abandon().outcome == "unknown"
        aws.released.set()
        assert sending.result(5)["jobRunId"] == "00run"
    assert aws.finished == ["app"]


def test_a_caller_who_is_gone_between_tries(aws: FaultyAws) -> None:
    """After a failed try nothing more is sent for whoever has left, and the doubt of that try stays."""
    aws.faults["app"] = {"how": "hang", "status": 500}
    with target(aws.url) as tested, ThreadPoolExecutor(1) as callers:
        call = Call(5)
        sending = callers.submit(tested.send, "StartJobRun", start("app"), call=call, caller=CALLER)
        assert aws.arrived.acquire(timeout=5)
        call.abandon()
        aws.released.set()
        with pytest.raises(DeadlineNears) as caught:
            sending.result(5)
    assert caught.value.outcome == "unknown"
    assert len(aws.seen["app"]) == 1


def test_what_aws_said_is_the_cause(aws: FaultyAws) -> None:
    """Whoever must know AWS's own words, which no caller may see, finds them beside the error."""
    aws.faults["app"] = {"status": 409, "type": "ConflictException", "message": "the token was used"}
    with target(aws.url) as tested, pytest.raises(Conflict) as caught:
        tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
    assert isinstance(caught.value.__cause__, ClientError)
    assert caught.value.__cause__.response["Error"]["Message"] == "the token was used"


def test_reads_are_no_starts(aws: FaultyAws) -> None:
    """A look-up that fails in doubt leaves no doubt about a job, and takes none away."""
    aws.faults["app"] = {"status": 500}
    call = Call(5)
    with target(aws.url) as tested:
        for may_have_started in (False, True):
            if may_have_started:
                call.begin_send()
            with pytest.raises(GatewayError):
                tested.send("ListJobRuns", {"applicationId": "app"}, call=call, caller=CALLER)
            assert call.may_have_started is may_have_started


def test_waiting_reads_do_not_hold_up_starts(aws: FaultyAws) -> None:
    """Each operation has a line and a pace of its own."""
    with target(aws.url, rates={**FAST, "GetJobRun": Rate(0.1, 1)}) as tested, ThreadPoolExecutor(8) as callers:
        get = {"applicationId": "read", "jobRunId": "00run"}
        calls = [Call(60) for _ in range(7)]
        reads = [callers.submit(tested.send, "GetJobRun", get, call=call, caller=CALLER) for call in calls]
        assert aws.arrived.acquire(timeout=5)
        began = time.monotonic()
        tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
        assert time.monotonic() - began < 1
        for call in calls:
            call.abandon()
        told = [read.exception(5) for read in reads]
    assert sum(error is None for error in told) == 1
    assert {type(error) for error in told if error is not None} <= {DeadlineNears, Throttled}


def test_no_thread_is_left(aws: FaultyAws) -> None:
    """A closed target ends the threads of its lines and its credentials."""
    with target(aws.url, rates={"StartJobRun": Rate(20, 1)}) as tested:
        for _ in range(2):
            tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
        names = {thread.name for thread in threading.enumerate()}
        assert {"turns", "keys of tested"} <= names
    ends = time.monotonic() + 5
    while time.monotonic() < ends and any(t.name in ("turns", "keys of tested") for t in threading.enumerate()):
        time.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name in ("turns", "keys of tested")]


def test_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """AWS's certificate is held against name and authorities, AWS_CA_BUNDLE's if set; a stranger is told nothing."""
    files, others = self_signed(tmp_path / "tls"), self_signed(tmp_path / "other")
    with faulty_aws(files) as aws:
        of_another_name = aws.url.replace("127.0.0.1", "localhost")
        for trusted, url in (
            (None, aws.url),
            (others["certificate"], aws.url),
            (files["certificate"], of_another_name),
        ):
            with_surroundings(monkeypatch, **({"AWS_CA_BUNDLE": trusted} if trusted else {}))
            with target(url) as tested, pytest.raises(UpstreamUnreachable) as caught:
                tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)
            assert caught.value.outcome == "not_started"
        assert not aws.seen
        with_surroundings(monkeypatch, AWS_CA_BUNDLE=files["certificate"])
        with target(aws.url) as tested:
            assert tested.send("StartJobRun", start("app"), call=Call(5), caller=CALLER)["jobRunId"] == "00run"


def test_an_answer_without_end(aws: FaultyAws) -> None:
    """What is larger than any answer of AWS's is cut off, not held in memory."""
    aws.faults["app"] = {"status": 200, "body": "x" * (9 * 1024 * 1024)}
    with target(aws.url) as tested, pytest.raises(UpstreamUnknown):
        tested.send("GetJobRun", {"applicationId": "app", "jobRunId": "00run"}, call=Call(10), caller=CALLER)


def test_no_credentials(aws: FaultyAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where there are none, the call ends at once, says so, and nothing was sent."""
    nowhere = str(tmp_path / "none")
    with_surroundings(monkeypatch, AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_CONFIG_FILE=nowhere)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with target(aws.url) as tested:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(UpstreamUnreachable, match="no credentials for target tested"):
                tested.send("StartJobRun", start("app"), call=Call(30), caller=CALLER)
            assert time.monotonic() - began < 5
    assert not aws.seen


def test_only_aws_says_that_it_took_a_call(aws: FaultyAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is an answer, and so is a run; a lost answer or a closed port tells nothing of AWS's pace."""
    taken: list[str] = []
    accepted = Turns.accepted

    def noted(turns: Turns) -> None:
        taken.append("taken")
        accepted(turns)

    monkeypatch.setattr(Turns, "accepted", noted)
    for fault, count in (
        ({}, 1),
        ({"status": 409, "type": "ConflictException", "message": "state"}, 1),
        ({"how": "reset"}, 0),
        (None, 0),
    ):
        taken.clear()
        aws.faults["app"] = fault or {}
        with (
            target(aws.url if fault is not None else "http://127.0.0.1:1") as tested,
            contextlib.suppress(GatewayError),
        ):
            tested.send("StartJobRun", start("app"), call=Call(_SECONDS), caller=CALLER)
        assert len(taken) == count, fault
