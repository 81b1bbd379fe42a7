"""The servicer: from bytes to reply, every step in order, and the clock beside them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import grpc
from grpc import aio

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceServicer
from emrgateway_server.call import Call
from emrgateway_server.errors import GatewayError, Internal, Outcome
from emrgateway_server.job_runs import JobRuns
from emrgateway_server.places import Places
from emrgateway_server.settings import Limits

_Reply = TypeVar("_Reply")
_Context: TypeAlias = "aio.ServicerContext[Any, Any]"  # generic in the stubs alone


class JobRunService(JobRunServiceServicer):
    """Job runs over gRPC. The work is blocking and runs in the pool; the event loop keeps the deadline."""

    def __init__(self, job_runs: JobRuns, *, limits: Limits, places: Places, pool: Executor) -> None:
        self._job_runs = job_runs
        self._limits = limits
        self._places = places
        self._pool = pool

    # The interceptors hand over bytes where the stubs say a message.

    async def StartJobRun(self, request: Any, context: _Context) -> pb.StartJobRunResponse:  # noqa: ANN401, N802
        """Judge a submission and start it."""
        return await self._in_pool(self._job_runs.start, request, context, "retry with the same client_token")

    async def GetJobRun(self, request: Any, context: _Context) -> pb.GetJobRunResponse:  # noqa: ANN401, N802
        """Tell what AWS knows of a job run."""
        return await self._in_pool(self._job_runs.get, request, context, "retry")

    async def ListJobRuns(self, request: Any, context: _Context) -> pb.ListJobRunsResponse:  # noqa: ANN401, ARG002, N802
        """Not in this version."""
        await _unimplemented(context)

    async def CancelJobRun(self, request: Any, context: _Context) -> pb.CancelJobRunResponse:  # noqa: ANN401, ARG002, N802
        """Not in this version."""
        await _unimplemented(context)

    async def ListJobRunAttempts(self, request: Any, context: _Context) -> pb.ListJobRunAttemptsResponse:  # noqa: ANN401, ARG002, N802
        """Not in this version."""
        await _unimplemented(context)

    async def GetDashboardForJobRun(self, request: Any, context: _Context) -> pb.GetDashboardForJobRunResponse:  # noqa: ANN401, ARG002, N802
        """Not in this version."""
        await _unimplemented(context)

    async def _in_pool(
        self, work: Callable[[bytes, Call], _Reply], data: bytes, context: _Context, advice: str
    ) -> _Reply:
        """Do the work in the pool, and answer while the caller still listens.

        What gRPC's client hears after its deadline is its own DEADLINE_EXCEEDED, so ours leaves a margin before it.
        """
        call = Call(self._seconds(context), advice)
        self._places.take()
        try:
            working = self._pool.submit(contextvars.copy_context().run, work, data, call)
            loop = asyncio.get_running_loop()
            working.add_done_callback(lambda _: _on(loop, self._places.give_back))
            # Work that waits for a thread is taken back; what runs goes on, and `call` keeps it from sending.
            return await asyncio.wait_for(asyncio.wrap_future(working), max(0.0, call.remaining_seconds))
        except TimeoutError:
            raise call.abandon() from None
        except asyncio.CancelledError:  # the caller is gone
            call.abandon()
            raise
        except GatewayError:
            raise
        except Exception as error:
            outcome = Outcome.UNKNOWN if call.may_have_started else Outcome.NOT_STARTED
            raise Internal(
                "a bug in the gateway: its operators find it in the log", metadata={"outcome": outcome}
            ) from error
        finally:
            self._places.answered()

    def _seconds(self, context: _Context) -> float:
        remaining = cast("float | None", context.time_remaining())  # None, whatever the stubs say
        most = self._limits.max_deadline_seconds
        return min(most if remaining is None else remaining, most) - self._limits.reply_margin_seconds


def _on(loop: asyncio.AbstractEventLoop, action: Callable[[], None]) -> None:
    """Do something on a loop, from any thread; nothing where the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(action)


async def _unimplemented(context: _Context) -> NoReturn:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "this method is not in this version of the gateway")
    raise AssertionError("abort returned")
