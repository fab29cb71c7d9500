"""The coordinator as the courier sees it: three calls, bounded in time and size.

Protobuf and gRPC's errors stop here.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import grpc
from grpc import aio

from offctl import certificates, errors
from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from offctl.trust.rotation import Step
from offctl_courier.pins import Pins

# An envelope and a bundle at their largest, with room to spare; a hostile coordinator can make us
# hold one such message for each call, and there are never more than two calls.
MAX_MESSAGE = 12 * 1024 * 1024
MAX_CAUSE = 300
# Keepalive finds a dead peer; this ends a stream that a living one has forgotten.
WATCH_SECONDS = 3600.0

_OPTIONS = (
    ("grpc.ssl_target_name_override", certificates.SERVER_NAME),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", 2 * 1024 * 1024),
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.compression_enabled_algorithms_bitset", 1),
    # The environment of a service must not decide whom we speak with.
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
    # Finds a coordinator that lost power under an open stream.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    # Retrying is the courier's own business, with its own waits.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the coordinator has: empty envelope and bundle when it is what the caller holds."""

    envelope: bytes
    bundle: bytes
    timestamp: bytes
    roots: tuple[Step, ...] = ()


class RejectedError(errors.OffctlError):
    """The coordinator will never take this report; trying again is of no use."""

    code = "REJECTED"


class Coordinator(Protocol):
    """One connection. Every call raises UnreachableError when it did not come through."""

    async def fetch(self, held_sha256: bytes, trust_version: int) -> Offer:
        """The current release; raises NotFoundError when nothing has been published.

        With it come the successors of the trust root `trust_version`.
        """
        ...

    def watch(self) -> AsyncIterator[bytes]:
        """Hashes of the manifests that become current; ends or raises when the stream does."""
        ...

    async def report(self, content: bytes, observation: bytes = b"") -> bool:
        """Hand in a report, and what it was made from; True when that is wanted and was not given.

        Raises RejectedError when it is refused for its content.
        """
        ...

    async def close(self) -> None:
        """Hang up."""
        ...


class GrpcCoordinator:
    """A `Coordinator` over mutual TLS; `deadline` is in seconds, for each call but `watch`."""

    def __init__(self, address: str, pins: Pins, *, deadline: float = 120) -> None:
        self._address = address
        self._deadline = deadline
        self._channel = aio.secure_channel(address, pins.credentials(), options=_OPTIONS)
        self._stub = agent_pb2_grpc.AgentServiceStub(self._channel)

    async def fetch(self, held_sha256: bytes, trust_version: int) -> Offer:
        request = agent_pb2.FetchReleaseRequest(
            manifest_sha256=held_sha256, trust_version=trust_version
        )
        try:
            response = await self._stub.FetchRelease(request, timeout=self._deadline)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise errors.NotFoundError("nothing has been published yet") from error
            raise self._unreachable(error) from error
        roots = tuple(Step(root.version, root.envelope) for root in response.trust_roots)
        return Offer(response.envelope, response.bundle, response.timestamp, roots)

    async def watch(self) -> AsyncIterator[bytes]:
        try:
            stream = self._stub.Watch(agent_pb2.WatchRequest(), timeout=WATCH_SECONDS)
            async for response in stream:
                yield response.manifest_sha256
        except aio.AioRpcError as error:
            raise self._unreachable(error) from error

    async def report(self, content: bytes, observation: bytes = b"") -> bool:
        request = agent_pb2.ReportRequest(report=content, observation=observation)
        try:
            response = await self._stub.Report(request, timeout=self._deadline)
        except aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                raise RejectedError(f"cannot report: {_cause(error)}") from error
            raise self._unreachable(error) from error
        return response.observation_wanted and not observation

    async def close(self) -> None:
        await self._channel.close()

    def _unreachable(self, error: aio.AioRpcError) -> errors.UnreachableError:
        return errors.UnreachableError(
            f"cannot reach coordinator {self._address}: {_cause(error)}", code=error.code().name
        )


def _cause(error: aio.AioRpcError) -> str:
    # The text comes from the other side, or quotes it.
    text = "".join(c if c.isprintable() else "?" for c in error.details() or "")
    return f"{error.code().name}: {text[:MAX_CAUSE]}"
