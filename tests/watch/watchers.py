"""A stream as a test reads it: what has come so far, and how it ended."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, cast

import grpc

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from tests.server.gateways import PATIENCE_SECONDS
from tests.server.statuses import Refused, read

from .scripted_aws import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.server.gateways import Gateway


class Watching:
    """One stream, read by a thread of its own."""

    def __init__(
        self,
        gateway: Gateway,
        run: str,
        *,
        application: str = APPLICATION,
        token: str | None = None,
        timeout: float | None = None,
    ) -> None:
        request = pb.WatchJobRunRequest(application_id=application, job_run_id=run, resume_token=token)
        self.messages: list[pb.WatchJobRunResponse] = []
        self.refused: Refused | None = None
        self._call: Any = gateway.jobs.WatchJobRun(request, timeout=timeout)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def states(self) -> list[str]:
        """The states so far."""
        return [
            job_run_pb2.JobRunState.Name(message.job_run.state).removeprefix("JOB_RUN_STATE_")
            for message in self.messages
        ]

    def until(self, *states: str) -> Watching:
        """Wait for the states; fails where others come."""
        eventually(lambda: len(self.messages) >= len(states) or not self._thread.is_alive())
        assert self.states == list(states), self.refused
        return self

    def ended(self) -> Watching:
        """Wait for its end."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self._thread.is_alive()

    def cancel(self) -> None:
        """Go away."""
        self._call.cancel()

    def _read(self) -> None:
        try:
            for message in self._call:
                self.messages.append(message)
        except grpc.RpcError as error:
            self.refused = read(cast("grpc.Call", error))


def eventually(is_so: Callable[[], object]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)
