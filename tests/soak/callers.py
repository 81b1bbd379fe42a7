"""Callers that retry blindly, each time against a random gateway, until they have a reply."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.rpc import error_details_pb2, status_pb2

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import job_run_service_pb2_grpc as pb_grpc

from .history import Told, submission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .fleet import Replica

CALLERS = ("spiffe://local/ann", "spiffe://local/bob")
GIVE_UP_SECONDS = 300  # of a busy machine: what is in question is the reply, not its time
OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 300))
_APPLICATIONS = ("00dns", "00refused", *["00a"] * 10)


class Callers:
    """`threads` of them. `told` is what they heard, `reasons` how often each error; `on_done` learns how many ended."""

    def __init__(self, replicas: Sequence[Replica], threads: int, on_done: Callable[[int], None]) -> None:
        self._replicas = replicas
        self._threads = threads
        self._on_done = on_done
        self._lock = threading.Lock()
        self._next = 0
        self._ended = 0
        self.told: list[Told] = []
        self.reasons: Counter[str] = Counter()
        self.met: Counter[str] = Counter()

    def submit(self, count: int) -> list[str]:
        """Submit so many jobs, two callers with the same tokens and bodies; the submissions' names."""
        working = [threading.Thread(target=self._work, args=(count,)) for _ in range(self._threads)]
        for thread in working:
            thread.start()
        for thread in working:
            thread.join()
        return [_named(number)[0] for number in range(count)]

    def _work(self, count: int) -> None:
        channels = [grpc.insecure_channel(replica.address, OPTIONS) for replica in self._replicas]
        stubs = [pb_grpc.JobRunServiceStub(channel) for channel in channels]
        try:
            while True:
                with self._lock:
                    number, self._next = self._next, self._next + 1
                if number >= count:
                    return
                self._submit(number, stubs)
                with self._lock:
                    self._ended += 1
                    ended = self._ended
                self._on_done(ended)
        finally:
            for channel in channels:
                channel.close()

    def _submit(self, number: int, stubs: Sequence[pb_grpc.JobRunServiceStub]) -> None:
        name, caller, request = _named(number)
        ends = time.monotonic() + GIVE_UP_SECONDS
        # One reply more than is needed now and then: a repeat after success must get the same.
        wanted = 2 if number % 10 == 0 else 1
        while wanted and time.monotonic() < ends:
            chosen = random.randrange(len(stubs))  # noqa: S311 - a game
            end = self._call(stubs[chosen], self._replicas[chosen], name, caller, request)
            self.told.append(end)
            wanted -= bool(end.job_run_id)
            if not end.job_run_id:
                time.sleep(random.uniform(0.02, 0.2))  # noqa: S311 - a game

    def _call(
        self,
        stub: pb_grpc.JobRunServiceStub,
        replica: Replica,
        name: str,
        caller: str,
        request: pb.StartJobRunRequest,
    ) -> Told:
        with self._lock:
            replica.in_flight += 1
        try:
            timeout = random.uniform(1, 3)  # noqa: S311 - a game
            reply = stub.StartJobRun(request, timeout=timeout, metadata=(("x-caller", caller),))
        except grpc.RpcError as error:
            reason, outcome = _read(cast("grpc.Call", error))
            with self._lock:
                self.reasons[reason] += 1
                if reason == "UPSTREAM_UNREACHABLE":
                    self.met[request.application_id.removeprefix("00")] += 1
            return Told(name, caller, outcome=outcome, reason=f"{reason} of {replica.address}")
        finally:
            with self._lock:
                replica.in_flight -= 1
        return Told(name, caller, reply.job_run_id)


def _named(number: int) -> tuple[str, str, pb.StartJobRunRequest]:
    """The submission of a number, its caller and its request: each token is used once by each caller."""
    token, caller = f"t-{number // 2}", CALLERS[number % 2]
    request = pb.StartJobRunRequest(
        application_id=_APPLICATIONS[number // 2 % len(_APPLICATIONS)],
        client_token=token,
        execution_role_arn="arn:aws:iam::123456789012:role/etl",
        name=token,
    )
    request.job_driver.spark_submit.entry_point = "s3://code/etl.py"
    return submission(caller, token), caller, request


def _read(error: grpc.Call) -> tuple[str, str]:
    """The reason and outcome of an error of ours; the transport's code where it is none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
            status.ParseFromString(cast("Any", value))
            status.details[0].Unpack(info)
            return info.reason, info.metadata["outcome"]
    return f"transport {error.code().name}", ""
