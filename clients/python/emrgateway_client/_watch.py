"""A watch that outlives its streams: when to go on after one has ended, from where, and after how long.

Nothing here waits or calls: the two clients do, each in its own way.
"""

from __future__ import annotations

import random
import time
from typing import Final

import grpc

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client.errors import DeadlineExceeded, GatewayError, Throttled, Unavailable, UpstreamAccessDenied

# AWS's words for them are the gateway's: no run leaves these, and no other state ends a watch.
ENDS: Final = frozenset(
    {job_run_pb2.JOB_RUN_STATE_SUCCESS, job_run_pb2.JOB_RUN_STATE_FAILED, job_run_pb2.JOB_RUN_STATE_CANCELLED}
)

_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_STEADY_SECONDS: Final = 30.0  # a stream that stood for so long was no failure
# What the transport says of a stream that was cut: reset, GOAWAY, a proxy's time-out. A gateway gives its reason.
_CUT: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)


class Watch:
    """One watch of a job run, over as many streams as it takes.

    Until the first message it is given up after `patience` seconds, as a call is; a watch that has stood, or that goes
    on from a token, is not given up but for `timeout`, or for a word that no waiting mends.
    """

    def __init__(
        self, application_id: str, job_run_id: str, resume_token: str | None, timeout: float | None, patience: float
    ) -> None:
        self._request = pb.WatchJobRunRequest(
            application_id=application_id, job_run_id=job_run_id, resume_token=resume_token
        )
        self._ends = None if timeout is None else time.monotonic() + timeout
        self._patient_until = time.monotonic() + patience
        self._stood = resume_token is not None
        self._last: tuple[int, int] | None = None
        self._failures = 0
        self._failure: GatewayError | None = None
        self._began = 0.0
        self.is_over = False

    def stream(self) -> tuple[pb.WatchJobRunRequest, float | None]:
        """What the next stream asks for, and its deadline."""
        self._began = time.monotonic()
        request = pb.WatchJobRunRequest()
        request.CopyFrom(self._request)
        return request, None if self._ends is None else max(0.0, self._ends - time.monotonic())

    def take(self, message: pb.WatchJobRunResponse) -> bool:
        """Note a message; whether it is another than the one before."""
        run = message.job_run
        now = (run.state, run.attempt)
        is_known = run.state != job_run_pb2.JOB_RUN_STATE_UNSPECIFIED  # states to come look alike
        is_same = message.resume_token == self._request.resume_token or (is_known and now == self._last)
        self._request.resume_token = message.resume_token
        self._stood, self._failures, self._failure, self._last = True, 0, None, now
        self.is_over = run.state in ENDS
        return self.is_over or not is_same

    def pause(self, error: GatewayError | None) -> float:
        """Seconds until the next stream, after one that ended with `error`, or without an end; raises what ends all."""
        now = time.monotonic()
        if error is not None and not self._is_worth_another(error, now):
            # That time is over says less than why it was not enough.
            raise (self._failure if self._failure and not error.reason else error)
        self._failure = error
        self._failures = 1 if now - self._began >= _STEADY_SECONDS else self._failures + 1
        most = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2.0 ** (min(self._failures, 10) - 1))
        seconds = random.uniform(0, most)  # noqa: S311 - jitter, no secret
        if error is not None and error.retry_after_seconds is not None:
            seconds = max(seconds, error.retry_after_seconds * random.uniform(1.0, 1.5))  # noqa: S311 - as above
        return seconds if self._ends is None else min(seconds, max(0.0, self._ends - now))

    def _is_worth_another(self, error: GatewayError, now: float) -> bool:
        if self._ends is not None and now >= self._ends:
            return False
        if not self._stood and now >= self._patient_until:
            return False
        if isinstance(error, UpstreamAccessDenied):
            return self._stood  # its operators mend it, and the job goes on meanwhile
        is_passing = isinstance(error, Unavailable | Throttled | DeadlineExceeded)
        return is_passing or (not error.reason and error.code in _CUT)
