"""Health (gRPC's own protocol), for callers who need no identity: none of them may hold up another, nor the end.

gRPC's servicer writes to a watcher inside the lock that every change of status takes: one who reads nothing kept all
others from hearing anything, and the server from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, TypeAlias

import grpc
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"  # generic in the stubs alone


class Health(health_pb2_grpc.HealthServicer):
    """Whether services are served; for the event loop alone. No change waits for anybody."""

    def __init__(self, services: Iterable[str]) -> None:
        """`services` are full names; the server itself goes by the empty one. None is served yet."""
        self._statuses: dict[str, int] = dict.fromkeys(("", *services), health_pb2.HealthCheckResponse.NOT_SERVING)
        self._changed = asyncio.Event()

    def serve(self) -> None:
        """Say that all are served."""
        self._turn(health_pb2.HealthCheckResponse.SERVING)

    def end(self) -> None:
        """Say that none is."""
        self._turn(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def Check(  # noqa: N802 - gRPC's name
        self, request: health_pb2.HealthCheckRequest, context: _Context
    ) -> health_pb2.HealthCheckResponse:
        """How a service is now."""
        status = self._statuses.get(request.service)
        if status is None:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: _Context) -> None:  # noqa: N802 - gRPC's name
        """How a service is now, and each change."""
        told = None
        while True:
            changed = self._changed
            status = self._statuses.get(request.service, health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            if status != told:
                await context.write(health_pb2.HealthCheckResponse(status=status))
                told = status
            await changed.wait()

    def _turn(self, status: int) -> None:
        self._statuses = dict.fromkeys(self._statuses, status)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
