"""The standard gRPC health service: serving until the coordinator stops."""

import asyncio
from collections.abc import AsyncIterator

from offctl import errors
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl_coordinator.callers import Caller

SERVICES = frozenset({"", "offctl.api.v1.AgentService", "offctl.api.v1.OperatorService"})

_Response = health_pb2.HealthCheckResponse


class HealthService(health_pb2_grpc.HealthServicer):
    """Answers any pinned caller."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Say NOT_SERVING to every watcher and end its stream."""
        self._stopping.set()

    async def Check(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, caller: Caller
    ) -> health_pb2.HealthCheckResponse:
        del caller
        if request.service not in SERVICES:
            raise errors.NotFoundError(f"cannot check service {request.service[:200]!r}: unknown")
        return self._status()

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, caller: Caller
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        del caller
        known = request.service in SERVICES
        if not self._stopping.is_set():
            yield self._status() if known else _Response(status=_Response.SERVICE_UNKNOWN)
            await self._stopping.wait()
        if known:
            yield self._status()

    def _status(self) -> health_pb2.HealthCheckResponse:
        stopping = self._stopping.is_set()
        return _Response(status=_Response.NOT_SERVING if stopping else _Response.SERVING)
