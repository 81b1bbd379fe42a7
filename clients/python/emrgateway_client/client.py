"""The client for threads. `emrgateway_client.aio` has the one for asyncio."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self, TypeVar, cast

import grpc

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import policy_service_pb2 as policy_pb
from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceStub
from emrgateway.v1.policy_service_pb2_grpc import PolicyServiceStub
from emrgateway_client import _trace
from emrgateway_client._connection import connection
from emrgateway_client._status import to_error
from emrgateway_client._submission import with_client_token
from emrgateway_client._watch import Watch

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from types import TracebackType

    from google.protobuf.message import Message

    from emrgateway.v1.job_run_pb2 import JobRunSummary
    from emrgateway_client._token import Token

_RequestT = TypeVar("_RequestT", bound="Message")
_ReplyT = TypeVar("_ReplyT", bound="Message")

__all__ = ["Client"]


class Client:
    """A gateway's services, blocking; safe to share among threads, and made to be kept.

    `target` is gRPC's: `host:port`, `dns:///host:port`, `unix:/path`. `ca` is the file of the roots that sign the
    gateway's certificate (left out: the public roots that gRPC brings), `cert` and `key` the files of the caller's own;
    they are looked at before each call, and read again where they have changed. A bearer token is `token`, a string or
    a function asked before each call, or the content of `token_file`, read before each call. Plaintext is spoken to
    this machine alone, unless `plaintext` is True; False forbids it there too. `timeout_seconds` is a call's deadline,
    retries included, where the call names none.

    Every method raises `GatewayError`. UNAVAILABLE and RESOURCE_EXHAUSTED are retried by gRPC, at most four times,
    when and if the gateway allows.
    """

    def __init__(
        self,
        target: str,
        *,
        ca: str | os.PathLike[str] | None = None,
        cert: str | os.PathLike[str] | None = None,
        key: str | os.PathLike[str] | None = None,
        token: Token | None = None,
        token_file: str | os.PathLike[str] | None = None,
        plaintext: bool | None = None,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._connection = connection(
            target, ca=ca, cert=cert, key=key, token=token, token_file=token_file, plaintext=plaintext
        )
        self._timeout_seconds = timeout_seconds
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._retired: grpc.Channel | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channel; calls in flight are cancelled, and the client is of no further use."""
        with self._lock:
            self._closed.set()
        self._channel.close()
        if self._retired is not None:
            self._retired.close()

    @property
    def _stub(self) -> JobRunServiceStub:
        self._renew()
        return self._job_runs

    @property
    def _policy_stub(self) -> PolicyServiceStub:
        self._renew()
        return self._policies

    def _open(self) -> None:
        made = self._connection
        if made.channel_credentials is None:
            self._channel = grpc.insecure_channel(made.target, made.options)
        else:
            self._channel = grpc.secure_channel(made.target, made.channel_credentials, made.options)
        self._job_runs = JobRunServiceStub(self._channel)
        self._policies = PolicyServiceStub(self._channel)

    def _renew(self) -> None:
        """Call over a new channel where the files of TLS have changed.

        The one before is kept for the calls that are in flight, until the files change once more.
        """
        if self._connection.renewed() is None:
            return
        with self._lock:
            renewed = self._connection.renewed()
            if renewed is None or self._closed.is_set():
                return
            retired, self._retired, self._connection = self._retired, self._channel, renewed
            self._open()
        if retired is not None:
            retired.close()

    def start_job_run(self, request: pb.StartJobRunRequest, *, timeout: float | None = None) -> pb.StartJobRunResponse:
        """Submit a job run, or with `validate_only` ask what policy makes of it.

        A missing `client_token` is filled, in a copy. After a failure whose `outcome` is "unknown", submit again with
        the error's `client_token`.
        """
        return self._call(self._stub.StartJobRun, with_client_token(request), timeout)

    def get_job_run(
        self, application_id: str, job_run_id: str, attempt: int | None = None, *, timeout: float | None = None
    ) -> pb.GetJobRunResponse:
        """A job run, or one attempt of it (from 1)."""
        request = pb.GetJobRunRequest(application_id=application_id, job_run_id=job_run_id, attempt=attempt)
        return self._call(self._stub.GetJobRun, request, timeout)

    def list_job_runs(self, request: pb.ListJobRunsRequest, *, timeout: float | None = None) -> pb.ListJobRunsResponse:
        """One page of an application's job runs. It may be short, or empty, and yet name the next one."""
        return self._call(self._stub.ListJobRuns, request, timeout)

    def iter_job_runs(self, request: pb.ListJobRunsRequest, *, timeout: float | None = None) -> Iterator[JobRunSummary]:
        """An application's job runs, page after page; `timeout` is each page's, `max_results` its size."""
        page = pb.ListJobRunsRequest()
        page.CopyFrom(request)
        while True:
            reply = self.list_job_runs(page, timeout=timeout)
            yield from reply.job_runs
            if not reply.next_token:
                return
            page.next_token = reply.next_token

    def cancel_job_run(
        self, request: pb.CancelJobRunRequest, *, timeout: float | None = None
    ) -> pb.CancelJobRunResponse:
        """Ask for a job run to be cancelled; that it has stopped, its state says."""
        return self._call(self._stub.CancelJobRun, request, timeout)

    def list_job_run_attempts(
        self, request: pb.ListJobRunAttemptsRequest, *, timeout: float | None = None
    ) -> pb.ListJobRunAttemptsResponse:
        """One page of a job run's attempts."""
        return self._call(self._stub.ListJobRunAttempts, request, timeout)

    def get_dashboard_for_job_run(
        self, request: pb.GetDashboardForJobRunRequest, *, timeout: float | None = None
    ) -> pb.GetDashboardForJobRunResponse:
        """The address of a job run's Spark or Tez interface: a secret, for it lets in whoever has it."""
        return self._call(self._stub.GetDashboardForJobRun, request, timeout)

    def watch_job_run(
        self, application_id: str, job_run_id: str, resume_token: str | None = None, *, timeout: float | None = None
    ) -> Iterator[pb.WatchJobRunResponse]:
        """Follow a job run to its end: its present state, and each change of it.

        A stream that is cut (a gateway restarts, is full or away, a proxy gives up) is taken up again from the last
        message; nothing comes twice, and what comes last is the end that AWS tells: SUCCESS, FAILED or CANCELLED.
        `resume_token` is of the last message that a watch before brought. `timeout` is for all of it; without one it
        lasts as long as the job. Raises `GatewayError` where waiting mends nothing (`NotFound`, `Unauthenticated`,
        `InvalidRequest`), or where no gateway could be reached within `timeout_seconds` to begin with.
        """
        watch = Watch(application_id, job_run_id, resume_token, timeout, self._timeout_seconds)
        while True:
            request, seconds = watch.stream()
            identity = self._connection.identity()
            call = self._stub.WatchJobRun(
                request,
                timeout=seconds,
                metadata=(*identity.metadata, *_trace.headers()),
                credentials=identity.credentials,
            )
            failure = None
            try:
                for message in call:
                    if watch.take(message):
                        yield message
                    if watch.is_over:
                        return
            except grpc.RpcError as error:
                failure = to_error(cast("grpc.Call", error), request)
                # The error is the call, and would hold itself by its traceback until the interpreter ends: there gRPC's
                # thread is gone, with the lock that the call then waits for.
                error.__traceback__ = None
            finally:
                call.cancel()
            if self._closed.wait(watch.pause(failure)):
                raise ValueError("the client was closed")

    def describe_policy(
        self, application_id: str = "", *, timeout: float | None = None
    ) -> policy_pb.DescribePolicyResponse:
        """What policy says to this caller of one application, or of all: grants, caps, required tags."""
        request = policy_pb.DescribePolicyRequest(application_id=application_id)
        return self._call(self._policy_stub.DescribePolicy, request, timeout)

    def _call(
        self, method: grpc.UnaryUnaryMultiCallable[_RequestT, _ReplyT], request: _RequestT, timeout: float | None
    ) -> _ReplyT:
        identity = self._connection.identity()
        try:
            return method(
                request,
                timeout=self._timeout_seconds if timeout is None else timeout,
                metadata=(*identity.metadata, *_trace.headers()),
                credentials=identity.credentials,
            )
        except grpc.RpcError as error:
            # What gRPC raises here is the call as well, which its types cannot say.
            raise to_error(cast("grpc.Call", error), request) from error
