"""The standard gRPC health service: serving while we can, until the coordinator stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib

from offctl import errors
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl_coordinator.callers import Caller

SERVICES = frozenset({"", "offctl.api.v1.AgentService", "offctl.api.v1.OperatorService"})

# How soon who watches hears of it.
WATCH_SECONDS = 1.0

_Response = health_pb2.HealthCheckResponse


class HealthService(health_pb2_grpc.HealthServicer):
    """Answers any pinned caller; `sure` raises UnreachableError while nobody is served."""

    def __init__(self, sure: Callable[[], None]) -> None:
        self._stopping = asyncio.Event()
        self._sure = sure

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
        if request.service not in SERVICES:
            yield _Response(status=_Response.SERVICE_UNKNOWN)
            await self._stopping.wait()
            return
        told = -1
        while True:
            stopping, now = self._stopping.is_set(), self._status()
            if now.status != told:
                told = now.status
                yield now
            if stopping:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._stopping.wait()

    def _status(self) -> health_pb2.HealthCheckResponse:
        try:
            self._sure()
        except errors.UnreachableError:
            return _Response(status=_Response.NOT_SERVING)
        stopping = self._stopping.is_set()
        return _Response(status=_Response.NOT_SERVING if stopping else _Response.SERVING)
