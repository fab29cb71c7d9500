"""The OperatorService of the protocol. The door has judged the caller before a method is called."""

from collections.abc import AsyncIterator

from offctl import errors
from offctl.api.v1 import operator_pb2, operator_pb2_grpc
from offctl.trust import rotation
from offctl.trust.release import MAX_ENVELOPE, MAX_RELEASE, SignedRelease
from offctl_coordinator import overviewwire, wire
from offctl_coordinator.callers import Caller
from offctl_coordinator.coordinator import Coordinator

# What a bundle costs beyond its bytes, so that very many empty ones are too large as well.
_BUNDLE_OVERHEAD = 256


class OperatorService(operator_pb2_grpc.OperatorServiceServicer):
    """Operators publish releases and look at hosts."""

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    async def Publish(  # noqa: N802
        self, parts: AsyncIterator[operator_pb2.PublishRequest], caller: Caller
    ) -> operator_pb2.PublishResponse:
        release = await _collect(parts)
        return wire.published(await self._coordinator.publish(release, caller.name))

    async def PublishTrustRoot(  # noqa: N802
        self, request: operator_pb2.PublishTrustRootRequest, caller: Caller
    ) -> operator_pb2.PublishTrustRootResponse:
        if len(request.envelope) > rotation.MAX_ENVELOPE:
            raise _too_large("the trust root", rotation.MAX_ENVELOPE)
        done = await self._coordinator.publish_root(request.envelope, caller.name)
        return wire.published_root(done)

    async def ListHosts(  # noqa: N802
        self, request: operator_pb2.ListHostsRequest, caller: Caller
    ) -> operator_pb2.ListHostsResponse:
        del request, caller
        response = wire.roster(self._coordinator.roster(), self._coordinator.now())
        response.site = self._coordinator.site
        return response

    async def GetHost(  # noqa: N802
        self, request: operator_pb2.GetHostRequest, caller: Caller
    ) -> operator_pb2.GetHostResponse:
        del caller
        return wire.host_detail(await self._coordinator.desk.host(request.host))

    async def GetObservation(  # noqa: N802
        self, request: operator_pb2.GetObservationRequest, caller: Caller
    ) -> operator_pb2.GetObservationResponse:
        del caller
        return wire.observation(await self._coordinator.observation(request.host))

    async def History(  # noqa: N802
        self, request: operator_pb2.HistoryRequest, caller: Caller
    ) -> operator_pb2.HistoryResponse:
        del caller
        limit = request.limit or wire.DEFAULT_HISTORY
        return wire.history(await self._coordinator.history(limit))

    async def GetRelease(  # noqa: N802
        self, request: operator_pb2.GetReleaseRequest, caller: Caller
    ) -> AsyncIterator[operator_pb2.GetReleaseResponse]:
        del caller
        for part in wire.release_parts(await self._coordinator.release(request.serial)):
            yield part

    async def GetRollout(  # noqa: N802
        self, request: operator_pb2.GetRolloutRequest, caller: Caller
    ) -> operator_pb2.GetRolloutResponse:
        del request, caller
        return wire.rollout(self._coordinator.roster(), self._coordinator.now())

    async def SteerRollout(  # noqa: N802
        self, request: operator_pb2.SteerRolloutRequest, caller: Caller
    ) -> operator_pb2.SteerRolloutResponse:
        await self._coordinator.steer(wire.steering(request, caller.name))
        return operator_pb2.SteerRolloutResponse()

    async def GetOverview(  # noqa: N802
        self, request: operator_pb2.GetOverviewRequest, caller: Caller
    ) -> operator_pb2.GetOverviewResponse:
        del caller
        newest = await self._coordinator.history(1)
        found = self._coordinator.desk.overview(
            limit=overviewwire.limit(request.limit), every_host=request.every_host
        )
        return overviewwire.overview(found, self._coordinator.site, newest[0] if newest else None)

    async def ListEvents(  # noqa: N802
        self, request: operator_pb2.ListEventsRequest, caller: Caller
    ) -> operator_pb2.ListEventsResponse:
        del caller
        limit = overviewwire.limit(request.limit)
        return overviewwire.events(
            await self._coordinator.events(request.host, request.after, limit)
        )


async def _collect(parts: AsyncIterator[operator_pb2.PublishRequest]) -> SignedRelease:
    envelope = b""
    bundles: dict[str, bytes] = {}
    size = 0
    async for part in parts:
        kind = part.WhichOneof("part")
        if (kind == "envelope") == bool(envelope) or kind is None:
            raise _malformed("an envelope, then bundles, is expected")
        if kind == "envelope":
            envelope = _checked_envelope(part.envelope)
            size += len(envelope)
            continue
        if part.bundle.host in bundles:
            raise _malformed(f"the bundle of {part.bundle.host[:80]!r} came twice")
        size += len(part.bundle.host) + len(part.bundle.content) + _BUNDLE_OVERHEAD
        if size > MAX_RELEASE:
            raise _too_large("the release", MAX_RELEASE)
        bundles[part.bundle.host] = part.bundle.content
    if not envelope:
        raise _malformed("it ended before an envelope came")
    return SignedRelease(envelope, tuple(bundles.items()))


def _checked_envelope(envelope: bytes) -> bytes:
    if not envelope:
        raise _malformed("the envelope is empty")
    if len(envelope) > MAX_ENVELOPE:
        raise _too_large("the envelope", MAX_ENVELOPE)
    return envelope


def _malformed(cause: str) -> errors.MalformedError:
    return errors.MalformedError(f"cannot publish: {cause}")


def _too_large(what: str, limit: int) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot publish: {what} is larger than the {limit} bytes allowed", code="TOO_LARGE"
    )
