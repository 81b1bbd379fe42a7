"""What makes a submission safe to repeat."""

from __future__ import annotations

import uuid

from emrgateway.v1.job_run_service_pb2 import StartJobRunRequest


def with_client_token(request: StartJobRunRequest) -> StartJobRunRequest:
    """A copy of the request that has a client token: its own, or a new UUID.

    Filled before the first attempt, so that each retry of the transport carries the same token and the gateway knows
    them for one submission; a copy, so that a request used twice is two submissions.
    """
    filled = StartJobRunRequest()
    filled.CopyFrom(request)
    if not filled.client_token:
        filled.client_token = str(uuid.uuid4())
    return filled
