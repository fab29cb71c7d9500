"""The AgentService of the protocol. The door has judged the caller before a method is called."""

from collections.abc import AsyncIterator

from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from offctl_coordinator import wire
from offctl_coordinator.callers import Caller
from offctl_coordinator.coordinator import Coordinator


class AgentService(agent_pb2_grpc.AgentServiceServicer):
    """Hosts fetch, watch and report; each only ever as itself."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def FetchRelease(  # noqa: N802
        self, request: agent_pb2.FetchReleaseRequest, caller: Caller
    ) -> agent_pb2.FetchReleaseResponse:
        self._coordinator.touch(caller.name)
        held = wire.held_sha256(request)
        found = await self._coordinator.fetch(caller.name, held, request.trust_version)
        return wire.fetched(found)

    async def Watch(  # noqa: N802
        self, request: agent_pb2.WatchRequest, caller: Caller
    ) -> AsyncIterator[agent_pb2.WatchResponse]:
        del request
        self._coordinator.touch(caller.name)
        async for announcement in self._coordinator.watch(caller.name):
            yield wire.announcement(announcement)

    async def Report(  # noqa: N802
        self, request: agent_pb2.ReportRequest, caller: Caller
    ) -> agent_pb2.ReportResponse:
        self._coordinator.touch(caller.name)
        wanted = await self._coordinator.report(caller.name, request.report, request.observation)
        return agent_pb2.ReportResponse(observation_wanted=wanted)
