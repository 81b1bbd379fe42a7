"""The blocking client's methods, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway.v1 import policy_service_pb2 as policy_pb
from emrgateway_client import Client

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
