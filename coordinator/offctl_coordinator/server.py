"""The gRPC server: mutual TLS with pinned certificates that change without restart, and limits."""

from collections.abc import AsyncIterator
import contextlib
from dataclasses import dataclass
from pathlib import Path
import time

import grpc
from grpc import aio

from offctl import errors
from offctl.api.health.v1 import health_pb2_grpc
from offctl.api.v1 import agent_pb2_grpc, operator_pb2_grpc
from offctl_coordinator import sockets
from offctl_coordinator.agent_service import AgentService
from offctl_coordinator.callers import AllowList
from offctl_coordinator.calls import Counting
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.crowd import BOUNDS, Bounds
from offctl_coordinator.door import Door, Guards
from offctl_coordinator.floods import Floods
from offctl_coordinator.front import Front
from offctl_coordinator.health_service import HealthService
from offctl_coordinator.limits import Limits
from offctl_coordinator.operator_service import OperatorService
from offctl_coordinator.pace import PACE, Pace

MAX_MESSAGE = 8 * 1024 * 1024
MAX_CALLS = 4096
STOP_SECONDS = 2.0

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.max_metadata_size", 8 * 1024),
    # Identity only: a compressed message could be a thousand times larger than it looks.
    ("grpc.compression_enabled_algorithms_bitset", 1),
    ("grpc.max_concurrent_streams", 32),
    # Whoever was removed from the release loses the connection itself within this time.
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    # Finds a peer that lost power; a peer may ask as often itself.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds a stranger has to say who it is, and a caller to finish a call.

    And for how many nothing is heard from somebody who began calls without end.
    """

    handshake: float = 20.0
    # A whole release has this much time; whoever sends one byte by byte is not waited for.
    call: float = 300.0
    flood: float = 60.0


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The coordinator's own pinned certificate and its secret key, both PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "ServerKeys()"


@contextlib.asynccontextmanager
async def serving(
    coordinator: Coordinator,
    keys: ServerKeys,
    listen: str,
    *,
    patience: Patience = PATIENCE,
    pace: Pace = PACE,
    bounds: Bounds = BOUNDS,
    runtime: Path | None = None,
    counting: Counting | None = None,
) -> AsyncIterator[str]:
    """Serve at `listen` (port 0: any) while the context lasts; gives the real address.

    `runtime` is a directory of ours alone, for what is there while we run; `counting` hears how
    calls go. Raises AdminError when the address cannot be had.
    """
    floods, front = Floods(patience.flood, time.monotonic), Front(pace, time.monotonic, bounds)
    guards = Guards(Limits(time.monotonic), floods, front)
    async with contextlib.AsyncExitStack() as stack:
        inner = stack.enter_context(sockets.inner(runtime))
        address = await stack.enter_async_context(front.listening(listen))
        server = aio.server(
            interceptors=(Door(lambda: coordinator.allowed, guards, patience.call, counting),),
            options=(
                *_OPTIONS,
                ("grpc.server_handshake_timeout_ms", int(patience.handshake * 1000)),
            ),
            maximum_concurrent_rpcs=MAX_CALLS,
        )
        health = HealthService(lambda: coordinator.sure())
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        agent_pb2_grpc.add_AgentServiceServicer_to_server(AgentService(coordinator), server)
        operator_pb2_grpc.add_OperatorServiceServicer_to_server(
            OperatorService(coordinator), server
        )
        pins = _Pins(coordinator, keys, floods)
        _have(server, inner, pins)
        await server.start()
        await front.open(inner)
        try:
            yield address
        finally:
            front.shut()
            # While there is still a way to tell everybody.
            health.stop()
            coordinator.news.close()
            await server.stop(STOP_SECONDS)


def _have(server: aio.Server, inner: Path, pins: "_Pins") -> None:
    try:
        server.add_secure_port(f"unix:{inner}", pins.credentials())
    except RuntimeError:
        raise errors.AdminError(
            f"cannot make the socket {inner}: its path is too long, or the disk refuses it",
            hint="set TMPDIR to another directory, with a short name",
        ) from None


class _Pins:
    """Gives each new handshake the certificates that are pinned at that moment."""

    def __init__(self, coordinator: Coordinator, keys: ServerKeys, floods: Floods) -> None:
        self._coordinator = coordinator
        self._keys = keys
        self._floods = floods
        self._used: tuple[AllowList, frozenset[str]] = coordinator.allowed, frozenset()

    def credentials(self) -> grpc.ServerCredentials:
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(*self._used),
            self._fetch,  # type: ignore[arg-type]  # None is allowed, the stubs forget it
            require_client_authentication=True,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        # Called from gRPC's own threads. None means: as before.
        allowed, out = self._coordinator.allowed, self._floods.out()
        if allowed is self._used[0] and out == self._used[1]:
            return None
        self._used = allowed, out
        return self._configuration(allowed, out)

    def _configuration(
        self, allowed: AllowList, out: frozenset[str]
    ) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(self._keys.key, self._keys.certificate)],
            root_certificates=allowed.certificates(without=out),
        )
