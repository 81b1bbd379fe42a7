"""Rolling restarts under load: the service config alone, which every client has, hides them."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from emrgateway.v1 import job_run_service_pb2 as pb
from emrgateway_client import Client, GatewayError

from .fast_dynamodb import FastDynamoDB
from .fleet import REGION, SERVE, AwsProcess, fleet

if TYPE_CHECKING:
    from pathlib import Path

RESTARTS = 20 if "SOAK" in os.environ else 3
_THREADS = 4
_PAUSE_SECONDS = 1.0  # a new gateway is found by then


def _request() -> pb.StartJobRunRequest:
    request = pb.StartJobRunRequest(
        application_id="00a", execution_role_arn="arn:aws:iam::123456789012:role/etl", name="rolling"
    )
    request.job_driver.spark_submit.entry_point = "s3://code/etl.py"
    return request


def test_no_caller_sees_a_restart(tmp_path: Path) -> None:
    """SIGTERM, exit 0, start, one gateway after the other: no call fails, and there are as many runs as calls."""
    aws, table = AwsProcess(), FastDynamoDB(0)
    table.start()
    stopped = threading.Event()
    started: list[str] = []
    failed: list[str] = []

    def work(client: Client) -> None:
        while not stopped.wait(0.02):
            try:
                started.append(client.start_job_run(_request()).job_run_id)
            except GatewayError as error:
                failed.append(str(error))

    try:
        ledger = {"kind": "dynamodb", "table": "t", "region": REGION, "endpoint_url": table.url}
        with fleet(tmp_path, aws.url, ledger, command=SERVE) as replicas:
            target = "ipv4:" + ",".join(replica.address for replica in replicas)
            with Client(target) as client:
                callers = [threading.Thread(target=work, args=(client,)) for _ in range(_THREADS)]
                for caller in callers:
                    caller.start()
                codes = []
                for number in range(RESTARTS):
                    replica = replicas[number % len(replicas)]
                    codes.append(replica.end(signal.SIGTERM))
                    replica.start()
                    time.sleep(_PAUSE_SECONDS)
                stopped.set()
                for caller in callers:
                    caller.join()
        assert failed == []
        assert codes == [0] * RESTARTS
        assert len(started) > 10 * RESTARTS
        assert sorted(started) == sorted(run["job_run_id"] for run in aws.runs)
    finally:
        stopped.set()
        table.stop()
        aws.stop()
