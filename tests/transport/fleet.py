"""A small fleet for tests: keys, trust root, certificates, releases, a coordinator on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
import threading
from typing import Any, TypeVar

import grpc
from grpc import aio

from offctl import certificates
from offctl import report as reports
from offctl.api.v1 import agent_pb2_grpc, operator_pb2_grpc
from offctl.desired import bundle
from offctl.desired.model import DesiredState, Identity, Mode
from offctl.trust import envelope, manifest, root
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import HostEntry, Manifest
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_coordinator import server
from offctl_coordinator.calls import Counting
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.crowd import BOUNDS, Bounds
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.pace import PACE, Pace
from offctl_coordinator.server import Patience, ServerKeys
from offctl_coordinator.store import sqlite
from offctl_coordinator.store.records import Store

SITE = "openfoodfacts"
# For tests about more bytes than anybody sends in a hurry.
UNPACED = Pace(1 << 30, 1 << 30)
_Result = TypeVar("_Result")


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True)
class Pair:
    """A certificate (PEM) with its key (PEM)."""

    certificate: str
    key: bytes

    @classmethod
    def make(cls, name: str, *, dns_name: str = "") -> "Pair":
        return cls(*certificates.generate(name, dns_name=dns_name))


@dataclass
class Fleet:
    """Everybody's keys. Hosts get a certificate the first time they are named."""

    release_key: SecretKey = field(default_factory=SecretKey.generate)
    timestamp_key: SecretKey = field(default_factory=SecretKey.generate)
    operator: Pair = field(default_factory=lambda: Pair.make("desk"))
    server: Pair = field(
        default_factory=lambda: Pair.make("one", dns_name=certificates.SERVER_NAME)
    )
    hosts: dict[str, Pair] = field(default_factory=dict)
    tunnel_key: str = field(default_factory=lambda: certificates.generate_tunnel_key()[0])

    def host(self, name: str) -> Pair:
        return self.hosts.setdefault(name, Pair.make(name))

    def root(self, **changes: object) -> TrustRoot:
        values: dict[str, object] = {
            "version": 1,
            "site": SITE,
            "expires": now() + timedelta(days=365),
            "release_keys": (("desk", self.release_key.public),),
            "threshold": 1,
            "timestamp_key": self.timestamp_key.public,
            "coordinators": (("one", self.server.certificate),),
            "operators": (("desk", self.operator.certificate),),
            **changes,
        }
        return TrustRoot(**values)  # type: ignore[arg-type]

    def state(self, host: str) -> DesiredState:
        return DesiredState(
            site=SITE,
            host=host,
            mode=Mode.ENFORCE,
            identity=Identity(self.host(host).certificate, self.tunnel_key),
        )

    def release(self, serial: int, *hosts: str, **changes: object) -> SignedRelease:
        """A release of `hosts`, each with an almost empty state. `changes` are the manifest's."""
        return self.release_of(serial, *(self.state(host) for host in hosts), **changes)

    def release_of(self, serial: int, *states: DesiredState, **changes: object) -> SignedRelease:
        bundles = tuple((state.host, bundle.dump(state)) for state in states)
        document = Manifest(
            site=SITE,
            serial=serial,
            created=now(),
            expires=now() + timedelta(days=30),
            hosts=tuple(
                entry(state, content) for state, (_, content) in zip(states, bundles, strict=True)
            ),
        )
        return self.signed(replace(document, **changes), bundles)  # type: ignore[arg-type]

    def signed(
        self,
        document: Manifest,
        bundles: tuple[tuple[str, bytes], ...],
        key: SecretKey | None = None,
    ) -> SignedRelease:
        payload = manifest.dump(document)
        return SignedRelease(
            envelope.sign(manifest.PAYLOAD_TYPE, payload, [key or self.release_key]), bundles
        )

    def report(self, host: str, sequence: int = 1, **changes: object) -> bytes:
        """A report that says nothing is wrong."""
        values: dict[str, object] = {
            "site": SITE,
            "host": host,
            "stream": "a" * 16,
            "sequence": sequence,
            "time": now(),
            "software": "0.1.0",
            "mode": "enforce",
            "serial": 1,
            "manifest_sha256": "0" * 64,
            "bundle_sha256": "0" * 64,
            "freshness": "fresh",
            "interval": 60,
            "seconds_milli": 5,
            **changes,
        }
        return reports.dump(reports.Report(**values))  # type: ignore[arg-type]


def entry(state: DesiredState, content: bytes) -> HostEntry:
    identity = certificates.fingerprint(state.identity.certificate) if state.identity else ""
    found = hashlib.sha256(content).hexdigest()
    return HostEntry(state.host, found, len(content), identity, state.wave, state.soak)


def sha256(release: SignedRelease) -> str:
    """The hash of a release's manifest, in hexadecimal."""
    payload = envelope.parse(release.envelope, len(release.envelope)).payload
    return hashlib.sha256(payload).hexdigest()


def write_trust(path: Path, trust: TrustRoot) -> Path:
    path.write_bytes(root.dump(trust))
    return path


@dataclass
class Running:
    """A coordinator that serves at `address`."""

    fleet: Fleet
    coordinator: Coordinator
    address: str
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine on the coordinator's event loop, from a test that is not async.

        For example `running.do(running.coordinator.report("off1", fleet.report("off1")))`.
        """
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def publish(self, release: SignedRelease) -> None:
        """Publish without the network."""
        await self.coordinator.publish(release, "desk")

    @contextlib.asynccontextmanager
    async def channel(
        self, pair: Pair | None, *, server: Pair | None = None
    ) -> AsyncIterator[aio.Channel]:
        """A connection as whoever `pair` speaks for; `server` is the pin, ours by default."""
        pin = server or self.fleet.server
        credentials = grpc.ssl_channel_credentials(
            root_certificates=pin.certificate.encode(),
            private_key=pair.key if pair else None,
            certificate_chain=pair.certificate.encode() if pair else None,
        )
        options = (
            ("grpc.ssl_target_name_override", certificates.SERVER_NAME),
            ("grpc.max_send_message_length", -1),
            ("grpc.use_local_subchannel_pool", 1),
        )
        async with aio.secure_channel(self.address, credentials, options=options) as channel:
            yield channel

    @contextlib.asynccontextmanager
    async def agent(self, host: str) -> AsyncIterator[agent_pb2_grpc.AgentServiceStub]:
        """The agents' service, called as `host`."""
        async with self.channel(self.fleet.host(host)) as channel:
            yield agent_pb2_grpc.AgentServiceStub(channel)

    @contextlib.asynccontextmanager
    async def operator(self) -> AsyncIterator[operator_pb2_grpc.OperatorServiceStub]:
        """The operators' service, called as the operator."""
        async with self.channel(self.fleet.operator) as channel:
            yield operator_pb2_grpc.OperatorServiceStub(channel)


@contextlib.asynccontextmanager
async def serving(
    fleet: Fleet,
    directory: Path,
    *,
    trust: TrustRoot | None = None,
    clock: Callable[[], datetime] | None = None,
    store: Store | None = None,
    listen: str = "127.0.0.1:0",
    patience: Patience = server.PATIENCE,
    pace: Pace = PACE,
    bounds: Bounds = BOUNDS,
    runtime: Path | None = None,
    counting: Counting | None = None,
) -> AsyncIterator[Running]:
    """A coordinator with its database in `directory`, on this event loop."""
    with contextlib.ExitStack() as stack:
        kept = store or stack.enter_context(sqlite.opened(directory / "coordinator.db"))
        lasting = Lasting(directory)
        coordinator = Coordinator(
            kept,
            lasting.in_force(trust or fleet.root()),
            fleet.timestamp_key,
            clock or (lambda: datetime.now(UTC)),
            lasting,
        )
        stack.callback(coordinator.close)
        await coordinator.start()
        keys = ServerKeys(fleet.server.certificate.encode(), fleet.server.key)
        async with server.serving(
            coordinator,
            keys,
            listen,
            patience=patience,
            pace=pace,
            bounds=bounds,
            runtime=runtime,
            counting=counting,
        ) as address:
            yield Running(fleet, coordinator, address, asyncio.get_running_loop())


@contextlib.contextmanager
def served(
    fleet: Fleet,
    directory: Path,
    *releases: SignedRelease,
    clock: Callable[[], datetime] | None = None,
) -> Iterator[Running]:
    """As `serving`, on an event loop of its own in a thread, for tests that are not async."""
    started: list[Running] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def main() -> None:
        try:
            async with serving(fleet, directory, clock=clock) as running:
                for release in releases:
                    await running.publish(release)
                started.append(running)
                ready.set()
                await stop.wait()
        finally:
            ready.set()

    def body() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(main())

    thread = threading.Thread(target=body)
    thread.start()
    ready.wait(10)
    try:
        yield started[0]
    finally:
        if started:
            loop.call_soon_threadsafe(stop.set)
        thread.join(10)
