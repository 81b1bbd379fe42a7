"""The blocking client's methods, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
import pytest

from emrgateway.v1 import job_run_pb2
from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import policy_service_pb2 as policy_pb
from emrgateway_client import Client, NotFound

from .gateway import refusal

if TYPE_CHECKING:
    from .gateway import Gateway


def test_each_method_sends_its_own_message(gateway: Gateway) -> None:
    """What the caller gives arrives as it was, and `attempt` is left out unless given."""
    listing = pb.ListJobRunsRequest(application_id="a", max_results=7)
    cancel = pb.CancelJobRunRequest(application_id="a", job_run_id="r", shutdown_grace_period_in_seconds=0)
    attempts = pb.ListJobRunAttemptsRequest(application_id="a", job_run_id="r")
    dashboard = pb.GetDashboardForJobRunRequest(application_id="a", job_run_id="r", attempt=1)
    with Client(gateway.target) as client:
        client.get_job_run("a", "r")
        client.get_job_run("a", "r", 2)
        client.list_job_runs(listing)
        client.cancel_job_run(cancel)
        client.list_job_run_attempts(attempts)
        client.get_dashboard_for_job_run(dashboard)
        client.describe_policy()
        client.describe_policy("a")
    assert [request for request, _ in gateway.calls] == [
        pb.GetJobRunRequest(application_id="a", job_run_id="r"),
        pb.GetJobRunRequest(application_id="a", job_run_id="r", attempt=2),
        listing,
        cancel,
        attempts,
        dashboard,
        policy_pb.DescribePolicyRequest(),
        policy_pb.DescribePolicyRequest(application_id="a"),
    ]


def _runs(*ids: str, more: str | None = None) -> pb.ListJobRunsResponse:
    return pb.ListJobRunsResponse(job_runs=[job_run_pb2.JobRunSummary(id=each) for each in ids], next_token=more)


def test_all_pages_of_a_list(gateway: Gateway) -> None:
    """Page after page with the same filters and the token of the one before; an empty page is not the last."""
    gateway.script.extend([_runs("a", "b", more="1"), _runs(more="2"), _runs("c")])
    request = pb.ListJobRunsRequest(application_id="a", max_results=2, name="etl*")
    with Client(gateway.target) as client:
        assert [run.id for run in client.iter_job_runs(request)] == ["a", "b", "c"]
    assert not request.HasField("next_token")
    sent = [
        pb.ListJobRunsRequest(application_id="a", max_results=2, name="etl*", next_token=t) for t in (None, "1", "2")
    ]
    assert [request for request, _ in gateway.calls] == sent


def test_pages_are_asked_for_as_they_are_read(gateway: Gateway) -> None:
    """Who stops reading asks for no more; what a page fails with is raised after what came before it."""
    gateway.script.extend([_runs("a", "b", more="1"), refusal(grpc.StatusCode.NOT_FOUND, "NOT_FOUND")])
    with Client(gateway.target) as client:
        runs = client.iter_job_runs(pb.ListJobRunsRequest(application_id="a"))
        assert [next(runs).id, next(runs).id] == ["a", "b"]
        assert len(gateway.calls) == 1
        with pytest.raises(NotFound):
            next(runs)
