"""Exactly-once: callers that retry blindly, gateways that die, and an AWS and a ledger that fail in twenty ways."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3

from emrgateway_sandbox import FAULTS

from . import fast_dynamodb
from .callers import Callers
from .fast_dynamodb import FastDynamoDB
from .fleet import REGION, AwsProcess, Replica, fleet, wait_until
from .history import runs_of, violations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

import pytest

SUBMISSIONS = int(os.environ.get("SOAK", "2000"))
THREADS = 36
# So often that the last in the row is met 30 times by 2,000 submissions, with room for chance.
AWS_SHARE, LEDGER_SHARE = 0.03, 0.008
LEAST = 30
_PER_END = 200  # submissions a signal
_IN_FLIGHT = 3 * LEAST * _PER_END // 2000  # calls that one meets, with room for those that end meanwhile


class _Chaos:
    """Ends a gateway and starts it again, by turns, as the submissions come to their end."""

    def __init__(self, replicas: list[Replica]) -> None:
        self._turns = zip(itertools.cycle(replicas), itertools.cycle([signal.SIGKILL, signal.SIGTERM]), strict=False)
        self._replicas = replicas
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._minutes = itertools.cycle([300, 301])
        self.met: Counter[str] = Counter()
        self.codes: list[int] = []

    def on_done(self, ended: int) -> None:
        """Told how many submissions have ended."""
        if ended % 50 == 0:
            for replica in self._replicas:
                replica.rewrite_policy(next(self._minutes))
                self.met["policy changed"] += 1
        if ended % _PER_END == _PER_END // 2:
            thread = threading.Thread(target=self._end_one)
            self._threads.append(thread)
            thread.start()

    def _end_one(self) -> None:
        with self._lock:
            replica, number = next(self._turns)
            # In the middle of enough calls, however slow the machine, that each signal is met as often as asked.
            wait_until(lambda: replica.in_flight >= _IN_FLIGHT or self._over.is_set(), "nobody calls")
            self.met[number.name] += replica.in_flight
            code = replica.end(number)
            if number is signal.SIGTERM:
                self.codes.append(code)
            replica.start()

    def join(self) -> None:
        """Wait for the last restart; nobody calls any more."""
        self._over.set()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def boto3_client(url: str) -> Iterator[Any]:
    """A client of a DynamoDB, closed again."""
    keys = {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}
    client = boto3.client("dynamodb", region_name=REGION, endpoint_url=url, **keys)
    try:
        yield client
    finally:
        client.close()


def test_every_submission_is_one_job_run(tmp_path: Path) -> None:
    """0 lost, 0 doubled, 0 crossed; every fault was met 30 times for each 2,000 submissions; SIGTERM ends with 0."""
    aws, table = AwsProcess(), FastDynamoDB(LEDGER_SHARE)
    table.start()
    try:
        aws.play(AWS_SHARE)
        ledger = {"kind": "dynamodb", "table": "t", "region": REGION, "endpoint_url": table.url}
        with fleet(tmp_path, aws.url, ledger) as replicas:
            chaos = _Chaos(replicas)
            callers = Callers(replicas, THREADS, chaos.on_done)
            submitted = callers.submit(SUBMISSIONS)
            chaos.join()
            errors = "".join(replica.errors for replica in replicas)
        met = Counter(aws.played) + table.played + chaos.met + callers.met
        met["clock skew"] = len(callers.told) // 2
        print(f"{len(callers.told)} calls; faults {dict(met)}; told {dict(callers.reasons)}")  # noqa: T201 - `make soak`
        assert violations(submitted, callers.told, runs_of(aws.runs)) == []
        wanted = {
            *FAULTS,
            *fast_dynamodb.FAULTS,
            "SIGKILL",
            "SIGTERM",
            "policy changed",
            "dns",
            "refused",
            "clock skew",
        }
        least = LEAST * SUBMISSIONS // 2000
        assert {fault: met[fault] for fault in wanted if met[fault] < least} == {}
        assert set(chaos.codes) == {0}
        assert "Traceback" not in errors
        assert "INTERNAL" not in callers.reasons
    finally:
        table.stop()
        aws.stop()


@pytest.mark.soak
def test_the_same_on_another_dynamodb(tmp_path: Path) -> None:
    """Moto's DynamoDB judges the conditions, where the fast one knows three by heart."""
    aws = AwsProcess()
    try:
        with boto3_client(aws.url) as client:
            client.create_table(
                TableName="t",
                AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
                BillingMode="PAY_PER_REQUEST",
            )
        aws.play(AWS_SHARE)
        ledger = {"kind": "dynamodb", "table": "t", "region": REGION, "endpoint_url": aws.url}
        with fleet(tmp_path, aws.url, ledger) as replicas:
            callers = Callers(replicas, THREADS, lambda _: None)
            submitted = callers.submit(SUBMISSIONS // 20)
        assert violations(submitted, callers.told, runs_of(aws.runs)) == []
        assert sum(aws.played.values()) >= SUBMISSIONS // 100
    finally:
        aws.stop()
