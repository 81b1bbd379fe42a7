"""The asyncio client keeps the same promises as the other."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import grpc
import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import AsyncClient, Client, GatewayError, NotFound, Unavailable

from .gateway import Refusal, later, refusal

if TYPE_CHECKING:
    from .gateway import Gateway


def test_retries_keep_the_token(gateway: Gateway) -> None:
    """UNAVAILABLE twice, then OK: one token; the identity is sent in plaintext to loopback."""
    gateway.script.extend([Refusal(), Refusal()])

    async def submit() -> str:
        async with AsyncClient(gateway.target, token="abc") as client:  # noqa: S106 - no password
            return (await client.start_job_run(pb.StartJobRunRequest())).job_run_id

    assert asyncio.run(submit()) == "run-1"
    assert len(gateway.tokens) == 3
    assert len(set(gateway.tokens)) == 1
    assert gateway.calls[0][1]["authorization"] == "Bearer abc"


def test_errors_are_the_same(gateway: Gateway) -> None:
    """The details of a status are read as by the other client, and an outage ends after five attempts."""

    async def fail(kind: type[GatewayError]) -> GatewayError:
        async with AsyncClient(gateway.target) as client:
            with pytest.raises(kind) as caught:
                await client.start_job_run(pb.StartJobRunRequest())
            return caught.value

    gateway.script.append(refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND", metadata={"outcome": "not_started"}))
    error = asyncio.run(fail(NotFound))
    assert (error.reason, error.outcome) == ("NOT_FOUND", "not_started")
    gateway.always = later()
    error = asyncio.run(fail(Unavailable))
    assert error.outcome == "unknown"
    assert gateway.tokens[1:] == [error.client_token] * 5


def test_the_other_methods(gateway: Gateway) -> None:
    """Each method sends its own message."""

    async def each() -> None:
        async with AsyncClient(gateway.target) as client:
            await client.get_job_run("a", "r", 2)
            await client.list_job_runs(pb.ListJobRunsRequest(application_id="a"))
            await client.cancel_job_run(pb.CancelJobRunRequest(application_id="a"))
            await client.list_job_run_attempts(pb.ListJobRunAttemptsRequest(application_id="a"))
            await client.get_dashboard_for_job_run(pb.GetDashboardForJobRunRequest(application_id="a"))
            await client.describe_policy("a")

    asyncio.run(each())
    assert gateway.calls[0][0] == pb.GetJobRunRequest(application_id="a", job_run_id="r", attempt=2)
    assert [type(request).__name__ for request, _ in gateway.calls[1:]] == [
        "ListJobRunsRequest",
        "CancelJobRunRequest",
        "ListJobRunAttemptsRequest",
        "GetDashboardForJobRunRequest",
        "DescribePolicyRequest",
    ]


def test_all_pages_of_a_list(gateway: Gateway) -> None:
    """Page after page with the token of the one before; an empty page is not the last."""
    pages = [(["a", "b"], "1"), ([], "2"), (["c"], None)]
    for ids, token in pages:
        runs = [job_run_pb2.JobRunSummary(id=each) for each in ids]
        gateway.script.append(pb.ListJobRunsResponse(job_runs=runs, next_token=token))

    async def listed() -> list[str]:
        async with AsyncClient(gateway.target) as client:
            return [run.id async for run in client.iter_job_runs(pb.ListJobRunsRequest(application_id="a"))]

    assert asyncio.run(listed()) == ["a", "b", "c"]
    tokens = [request.next_token for request, _ in gateway.calls if isinstance(request, pb.ListJobRunsRequest)]
    assert tokens == ["", "1", "2"]


def test_both_clients_have_one_surface() -> None:
    """Method for method and argument for argument, but for `async`."""

    def surface(client: type) -> dict[str, str]:
        public = {name: call for name, call in vars(client).items() if not name.startswith("_")}
        return {
            name: str(inspect.signature(call)).replace("AsyncIterator", "Iterator") for name, call in public.items()
        }

    assert surface(Client) == surface(AsyncClient)
    assert inspect.signature(Client.__init__) == inspect.signature(AsyncClient.__init__)
