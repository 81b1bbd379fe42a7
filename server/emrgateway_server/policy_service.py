"""The servicer of policy: which work answers which method."""

from __future__ import annotations

from typing import Any

from emrgateway.v1 import policy_service_pb2 as pb
from emrgateway.v1.policy_service_pb2_grpc import PolicyServiceServicer
from emrgateway_server.descriptions import Descriptions
from emrgateway_server.pool import Context, Pool


class PolicyService(PolicyServiceServicer):
    """Policy over gRPC, in the pool of job runs: a long policy takes a while to describe."""

    def __init__(self, descriptions: Descriptions, pool: Pool) -> None:
        self._descriptions = descriptions
        self._pool = pool

    async def DescribePolicy(self, request: Any, context: Context) -> pb.DescribePolicyResponse:  # noqa: ANN401, N802
        """Tell a caller what policy says to it."""
        return await self._pool.answer(self._descriptions.describe, request, context)
