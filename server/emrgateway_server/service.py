"""The servicer of job runs: which work answers which method."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1.job_run_service_pb2_grpc import JobRunServiceServicer
from emrgateway_server.job_runs import JobRuns
from emrgateway_server.listing import Listing
from emrgateway_server.pool import Context, Pool
from emrgateway_server.runs import Runs
from emrgateway_server.watches import Watches


class JobRunService(JobRunServiceServicer):
    """Job runs over gRPC. The work is blocking and runs in the pool, but for the following of runs."""

    def __init__(self, job_runs: JobRuns, runs: Runs, listing: Listing, watches: Watches, pool: Pool) -> None:
        self._job_runs = job_runs
        self._runs = runs
        self._listing = listing
        self._watches = watches
        self._pool = pool

    # The interceptors hand over bytes where the stubs say a message.

    async def StartJobRun(self, request: Any, context: Context) -> pb.StartJobRunResponse:  # noqa: ANN401, N802
        """Judge a submission and start it."""
        return await self._pool.answer(self._job_runs.start, request, context, starts=True)

    async def GetJobRun(self, request: Any, context: Context) -> pb.GetJobRunResponse:  # noqa: ANN401, N802
        """Tell what AWS knows of a job run."""
        return await self._pool.answer(self._runs.get, request, context)

    async def ListJobRuns(self, request: Any, context: Context) -> pb.ListJobRunsResponse:  # noqa: ANN401, N802
        """Tell which job runs of an application the caller may see."""
        return await self._pool.answer(self._listing.list, request, context)

    async def CancelJobRun(self, request: Any, context: Context) -> pb.CancelJobRunResponse:  # noqa: ANN401, N802
        """Ask AWS to stop a job run."""
        return await self._pool.answer(self._runs.cancel, request, context)

    async def ListJobRunAttempts(self, request: Any, context: Context) -> pb.ListJobRunAttemptsResponse:  # noqa: ANN401, N802
        """Tell a job run's attempts."""
        return await self._pool.answer(self._runs.attempts, request, context)

    async def GetDashboardForJobRun(self, request: Any, context: Context) -> pb.GetDashboardForJobRunResponse:  # noqa: ANN401, N802
        """Tell where a job run's interface is."""
        return await self._pool.answer(self._runs.dashboard, request, context)

    async def WatchJobRun(self, request: Any, context: Context) -> None:  # type: ignore[override] # noqa: ANN401, N802 - a coroutine that writes, as the interceptors want it
        """Follow a job run to its end."""
        with self._watches.place():
            admission = await self._pool.answer(self._watches.admit, request, context)
            await context.send_initial_metadata(())  # that it stands is news too: a first state may wait for AWS
            async with aclosing(self._watches.changes(admission)) as changes:
                async for change in changes:
                    await context.write(change)
