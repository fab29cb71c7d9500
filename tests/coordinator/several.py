"""Two coordinators on one PostgreSQL, in this process, for tests of what they tell each other."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import functools
from pathlib import Path
import time

from offctl import errors
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.neighbours import Neighbours
from offctl_coordinator.store import postgresql
from offctl_coordinator.store.address import parse_address
from transport import fleet as fleets
from transport.cluster import Cluster
from transport.fleet import Fleet, Running, sha256

SOON = 15.0
WAVES = {"off1": 1, "off2": 2, "ovh1": 3}


async def everywhere(at: "Pair", true: Callable[[Running], object]) -> None:
    """Wait until it is true of both."""
    for each in (at.one, at.two):
        await until(functools.partial(true, each))


async def until(true: Callable[[], object], what: str = "") -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, what or "it does not come true"
        await asyncio.sleep(0.02)


async def accepted(work: Callable[[], Awaitable[object]]) -> None:
    """Again until the database is there, as operators and couriers do."""
    end = time.monotonic() + SOON
    while True:
        try:
            await work()
        except errors.UnreachableError:
            assert time.monotonic() < end, "the database does not come back"
            await asyncio.sleep(0.02)
        else:
            return


@contextlib.asynccontextmanager
async def coordinator(
    fleet: Fleet,
    directory: Path,
    url: str,
    name: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    trust: TrustRoot | None = None,
) -> AsyncIterator[Running]:
    """One of several; its floor and trust roots lie in a directory of its own."""
    address = parse_address(url)
    state = directory / name
    state.mkdir(exist_ok=True)
    with postgresql.opened(address, "", name) as store:
        async with fleets.serving(fleet, state, store=store, clock=clock, trust=trust) as running:
            listening = Neighbours(
                running.coordinator, name, lambda: postgresql.Listener(address, "")
            )
            async with listening.listening(lambda: None):
                await until(lambda: heard(running.coordinator))
                yield running


def heard(found: Coordinator) -> bool:
    try:
        found.sure()
    except errors.UnreachableError:
        return False
    return True


def serial(found: Coordinator) -> int:
    """Of the release it serves; -1 when it serves nobody."""
    if not heard(found):
        return -1
    publication = found.roster().publication
    return publication.serial if publication else 0


@dataclass
class Pair:
    """Two coordinators of one database, with a clock that only goes when told to."""

    fleet: Fleet
    one: Running
    two: Running
    now: datetime
    url: str
    sequence: int = 0

    def serials(self) -> tuple[int, int]:
        return serial(self.one.coordinator), serial(self.two.coordinator)

    async def know(self, serial: int) -> None:
        await until(lambda: self.serials() == (serial, serial), str(serial))

    def release(self, serial: int, **waves: int) -> SignedRelease:
        states = (
            replace(self.fleet.state(host), wave=wave, soak=120)
            for host, wave in (waves or WAVES).items()
        )
        expires = self.now + timedelta(days=30)
        return self.fleet.release_of(serial, *states, created=self.now, expires=expires)

    async def report(self, at: Running, release: SignedRelease, host: str, **more: object) -> None:
        self.sequence += 1
        values = {"serial": 1, "manifest_sha256": sha256(release), "time": self.now, **more}
        await at.coordinator.report(host, self.fleet.report(host, self.sequence, **values))

    def waves(self) -> tuple[int, int]:
        return (self.one.coordinator.turns.rollout.wave, self.two.coordinator.turns.rollout.wave)


@contextlib.asynccontextmanager
async def pair(tmp_path: Path, cluster: Cluster, fleet: Fleet | None = None) -> AsyncIterator[Pair]:
    url, given = cluster.database(), fleet or Fleet()
    found: list[Pair] = []
    start = fleets.now()

    def clock() -> datetime:
        return found[0].now if found else start

    async with (
        coordinator(given, tmp_path, url, "one", clock) as one,
        coordinator(given, tmp_path, url, "two", clock) as two,
    ):
        found.append(Pair(given, one, two, start, url))
        yield found[0]
