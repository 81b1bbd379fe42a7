"""SIGKILL in the middle of a call: before AWS has the job, after it has it, and at any moment."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from typing import TYPE_CHECKING

import grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc

from .callers import CALLERS, OPTIONS
from .fast_dynamodb import FastDynamoDB
from .fleet import REGION, AwsProcess, Replica, fleet, wait_until
from .history import Told, runs_of, submission, violations

if TYPE_CHECKING:
    from pathlib import Path

KILLS = max(20, int(os.environ.get("SOAK", "0")) // 100)
_DEADLINE_SECONDS = 2.0
_MOMENTS = ("after", "before", "any")


class _Killer:
    """Kills one gateway in the middle of calls, and has each of them answered by whichever serves."""

    def __init__(self, aws: AwsProcess, replicas: list[Replica], own: int) -> None:
        self._aws = aws
        self._replicas = replicas
        self._own = own
        self.told: list[Told] = []
        self.submitted: list[str] = []

    def work(self, count: int) -> None:
        """So many kills."""
        for number in range(count):
            moment = _MOMENTS[number % len(_MOMENTS)]
            self._kill(f"{moment}-{self._own}-{number}", moment)

    def _kill(self, token: str, moment: str) -> None:
        name = submission(CALLERS[0], token)
        application = f"00{moment}{self._own}{token.rpartition('-')[2]}"
        request = pb.StartJobRunRequest(
            application_id=application, client_token=token, execution_role_arn="arn:aws:iam::123456789012:role/etl"
        )
        request.name = token
        request.job_driver.spark_submit.entry_point = "s3://code/etl.py"
        self.submitted.append(name)
        played = sum(self._aws.played.values())
        if moment != "any":
            self._aws.play_once("hang-before" if moment == "before" else "slow", application, _DEADLINE_SECONDS)
        first = self._begun(name, request)
        if moment == "any":
            time.sleep(random.uniform(0, 0.05))  # noqa: S311 - a game
        while moment != "any" and not self._has_reached(first, played):
            first = self._begun(name, request)  # on a busy machine its time was over before
        self._replicas[self._own].end(signal.SIGKILL)
        restart = threading.Thread(target=self._replicas[self._own].start)
        restart.start()
        first.join()
        ends = time.monotonic() + 60
        while not self.told[-1].job_run_id and time.monotonic() < ends:
            self._call(random.choice(self._replicas), name, request)  # noqa: S311 - a game
        restart.join()

    def _begun(self, name: str, request: pb.StartJobRunRequest) -> threading.Thread:
        call = threading.Thread(target=self._call, args=(self._replicas[self._own], name, request))
        call.start()
        return call

    def _has_reached(self, call: threading.Thread, played: int) -> bool:
        """Whether AWS has the call. Others wait for the same: one more than there were is in somebody's middle."""

        def is_there() -> bool:
            return sum(self._aws.played.values()) > played

        wait_until(lambda: is_there() or not call.is_alive(), "the call neither reached AWS nor ended")
        return is_there()

    def _call(self, replica: Replica, name: str, request: pb.StartJobRunRequest) -> None:
        with grpc.insecure_channel(replica.address, OPTIONS) as channel:
            try:
                reply = pb_grpc.JobRunServiceStub(channel).StartJobRun(
                    request, timeout=_DEADLINE_SECONDS, metadata=(("x-caller", CALLERS[0]),)
                )
                self.told.append(Told(name, CALLERS[0], reply.job_run_id))
            except grpc.RpcError:
                self.told.append(Told(name, CALLERS[0]))
                time.sleep(0.05)


def test_a_killed_gateway_neither_loses_nor_doubles(tmp_path: Path) -> None:
    """Each killed call's repeat, on another gateway or the restarted one, is answered with the one run there is."""
    aws, table = AwsProcess(), FastDynamoDB(0)
    table.start()
    try:
        ledger = {"kind": "dynamodb", "table": "t", "region": REGION, "endpoint_url": table.url}
        with fleet(tmp_path, aws.url, ledger) as replicas:
            killers = [_Killer(aws, replicas, own) for own in range(len(replicas))]
            each = -(-KILLS // len(killers))
            working = [threading.Thread(target=killer.work, args=(each,)) for killer in killers]
            for thread in working:
                thread.start()
            for thread in working:
                thread.join()
        told = [end for killer in killers for end in killer.told]
        submitted = [name for killer in killers for name in killer.submitted]
        assert len(submitted) >= KILLS
        assert sum(not end.job_run_id for end in told) >= KILLS // 2  # or nothing was killed in the middle
        assert violations(submitted, told, runs_of(aws.runs)) == []
    finally:
        table.stop()
        aws.stop()
