"""Several coordinators on one PostgreSQL: what one of them did, the others know."""

import asyncio
from collections.abc import AsyncIterator, Callable
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import functools
from pathlib import Path
import signal
import time

import grpc
from grpc import aio
import pytest

from offctl import errors
from offctl import report as reports
from offctl.api.health.v1 import health_pb2, health_pb2_grpc
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust import rotation
from offctl.trust.release import SignedRelease
from offctl_coordinator import neighbours
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.neighbours import Neighbours
from offctl_coordinator.store import postgresql
from offctl_coordinator.store.address import parse_address
from offctl_coordinator.turns import Order, Steering
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


@contextlib.asynccontextmanager
async def coordinator(
    fleet: Fleet,
    directory: Path,
    url: str,
    name: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Running]:
    """One of several; its floor and trust roots lie in a directory of its own."""
    address = parse_address(url)
    state = directory / name
    state.mkdir(exist_ok=True)
    with postgresql.opened(address, "", name) as store:
        async with fleets.serving(fleet, state, store=store, clock=clock) as running:
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


async def test_what_one_publishes_the_others_watchers_hear_at_once(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at, at.two.agent("off1") as stub:
        first = at.fleet.release(1, "off1")
        await at.one.publish(first)
        await at.know(1)
        stream = stub.Watch(agent_pb2.WatchRequest(), timeout=SOON)
        assert (await stream.read()).manifest_sha256.hex() == sha256(first)
        second = at.fleet.release(2, "off1")
        began = time.monotonic()
        await at.one.publish(second)
        assert (await stream.read()).manifest_sha256.hex() == sha256(second)
        assert time.monotonic() - began < neighbours.PULSE
        got = await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SOON)
        assert got.envelope == second.envelope


async def test_who_is_let_in_by_one_is_let_in_by_all(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.fleet.release(1, "off1"))
        await at.know(1)
        await at.one.publish(at.fleet.release(2, "off2"))
        await at.know(2)
        async with at.two.agent("off2") as stub:
            await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SOON)
        async with at.two.agent("off1") as stub:
            with pytest.raises(aio.AioRpcError):
                await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SOON)


async def test_of_two_who_publish_one_serial_one_is_told(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        for serial in range(1, 8):
            a, b = at.fleet.release(serial, "off1"), at.fleet.release(serial, "off1", "off2")
            results = await asyncio.gather(
                at.one.coordinator.publish(a, "desk"),
                at.two.coordinator.publish(b, "spare"),
                return_exceptions=True,
            )
            lost = [each for each in results if isinstance(each, errors.RefusedError)]
            assert [each.code for each in lost] == ["EQUIVOCATION"], results
            await at.know(serial)
            winner = (b, a)[results.index(lost[0])]
            for each in (at.one, at.two):
                publication = each.coordinator.roster().publication
                assert publication is not None
                assert publication.envelope == winner.envelope


async def test_a_lower_serial_that_comes_late_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        results = await asyncio.gather(
            at.one.coordinator.publish(at.fleet.release(2, "off1"), "desk"),
            at.two.coordinator.publish(at.fleet.release(1, "off1"), "spare"),
            return_exceptions=True,
        )
        await at.know(2)
        refused = results[1]
        if isinstance(refused, BaseException):
            assert isinstance(refused, errors.RefusedError)
            assert refused.code == "ROLLBACK"
        assert (await at.one.coordinator.history(9))[0].serial == 2


async def test_the_same_release_at_both_is_published_once(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.fleet.release(1, "off1")
        done = await asyncio.gather(
            *(each.coordinator.publish(release, "desk") for each in (at.one, at.two))
        )
        assert {each.serial for each in done} == {1}
        assert [entry.serial for entry in await at.two.coordinator.history(9)] == [1]


async def test_a_soak_shown_half_to_each_opens_one_wave(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.release(1)
        await at.one.publish(release)
        await at.know(1)
        for turn, host in enumerate(["off1"] * 3):
            await at.report((at.one, at.two)[turn % 2], release, host)
            at.now += timedelta(seconds=60)
        await until(lambda: at.waves() == (2, 2), str(at.waves()))
        assert at.two.coordinator.turns.offer("off2") is not None
        assert at.two.coordinator.turns.offer("ovh1") is None


async def test_waves_go_on_where_reports_arrive_at_both_at_once(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.release(1, off1=1, off2=1, ovh1=2, ovh2=2, ovh3=3)
        await at.two.publish(release)
        await at.know(1)
        seen = {at.waves()}
        for _ in range(7):
            await asyncio.gather(
                at.report(at.one, release, "off1"),
                at.report(at.two, release, "off2"),
                at.report(at.one, release, "ovh1"),
                at.report(at.two, release, "ovh2"),
            )
            at.now += timedelta(seconds=60)
            seen.add(at.waves())
        await until(lambda: at.waves() == (3, 3), str(at.waves()))
        # Each of the two decisions was made once: the row was written at the start and twice more.
        assert {max(waves) for waves in seen} <= {1, 2, 3}


async def test_a_failure_told_to_one_halts_all(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.release(1)
        await at.one.publish(release)
        await at.know(1)
        await at.report(at.two, release, "off1", counts=reports.Counts(resources=3, failed=1))
        await until(lambda: at.one.coordinator.turns.rollout.halted)
        assert at.one.coordinator.turns.rollout == at.two.coordinator.turns.rollout


async def test_of_two_orders_at_once_one_is_told_that_the_rollout_moved(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.release(1))
        await at.know(1)
        promote = Steering(Order.PROMOTE, 1, 1, "desk")
        results = await asyncio.gather(
            at.one.coordinator.steer(promote),
            at.two.coordinator.steer(promote),
            return_exceptions=True,
        )
        lost = [each.code for each in results if isinstance(each, errors.RefusedError)]
        assert lost == ["ROLLOUT_MOVED"], results
        await until(lambda: at.waves() == (2, 2))


async def test_reports_and_calls_at_one_are_known_to_all(tmp_path: Path, cluster: Cluster) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.fleet.release(1, "off1", "off2")
        await at.one.publish(release)
        await at.know(1)
        await at.report(at.one, release, "off1")
        await until(lambda: "off1" in at.two.coordinator.hosts.standings)
        view = at.two.coordinator.roster().view("off1", at.now)
        assert view.verdict.state.value == "converged"
        at.one.coordinator.touch("off2")
        await at.one.coordinator.hosts.exchange_contacts()
        await at.two.coordinator.hosts.exchange_contacts()
        assert at.two.coordinator.hosts.contacts["off2"] == at.now


def received(at: Running, host: str) -> datetime | None:
    standing = at.coordinator.hosts.standings.get(host)
    return standing.received if standing else None


async def test_a_copied_disk_is_noticed_when_each_half_reports_elsewhere(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.fleet.release(1, "off1")
        await at.one.publish(release)
        await at.know(1)
        for turn in range(4):
            here, machine = ((at.one, "a" * 32), (at.two, "b" * 32))[turn % 2]
            await at.report(here, release, "off1", machine=machine, stream=f"{turn % 2}" * 16)
            await everywhere(at, lambda e: received(e, "off1") == at.now)
            at.now += timedelta(seconds=1)
        await everywhere(at, lambda e: "off1" in e.coordinator.hosts.duplicated())


def operators(at: Running) -> list[str]:
    return [caller.name for caller in at.coordinator.allowed.callers.values()]


async def test_a_trust_root_published_at_one_is_in_force_at_all(
    tmp_path: Path, cluster: Cluster
) -> None:
    fleet = Fleet()
    async with pair(tmp_path, cluster, fleet) as at:
        spare = fleets.Pair.make("spare")
        newer = fleet.root(version=2, operators=(("spare", spare.certificate),))
        envelope = rotation.sign(newer, [fleet.release_key])
        await at.one.coordinator.publish_root(envelope, "desk")
        await everywhere(at, lambda e: operators(e) == ["spare"])
        assert [step.version for step in Lasting(tmp_path / "two").chain()] == [2]


async def test_a_database_from_a_backup_gets_back_what_it_lost(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(tmp_path, cluster) as at:
        for serial in (1, 2):
            await at.one.publish(at.fleet.release(serial, "off1"))
        await at.know(2)
        cluster.sql(
            at.url,
            "DELETE FROM release_hosts WHERE serial = 2; DELETE FROM releases WHERE serial = 2;"
            "UPDATE meta SET value = '' WHERE name = 'rollout'; NOTIFY offctl, 'backup release'",
        )
        await until(lambda: cluster.sql(at.url, "SELECT max(serial) FROM releases") == "2")
        assert at.serials() == (2, 2)
        assert "the database went back to release 1" in caplog.text


async def test_a_coordinator_that_starts_on_an_old_database_serves_nobody_less(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    url, fleet = cluster.database(), Fleet()
    async with coordinator(fleet, tmp_path, url, "one") as one:
        for serial in (1, 2):
            await one.publish(fleet.release(serial, "off1"))
    cluster.sql(
        url, "DELETE FROM release_hosts WHERE serial = 2; DELETE FROM releases WHERE serial = 2"
    )
    async with coordinator(fleet, tmp_path, url, "one") as one:
        assert one.coordinator.roster().publication is None
        assert "release 1 in the database is not accepted [ROLLBACK]" in caplog.text
        with pytest.raises(errors.NotFoundError):
            await one.coordinator.fetch("off1", "")


async def test_without_the_database_nobody_is_served_and_it_comes_back_by_itself(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(tmp_path, cluster) as at:
        release = at.fleet.release(1, "off1")
        await at.one.publish(release)
        await at.know(1)
        cluster.stop()
        try:
            await everywhere(at, lambda e: not heard(e.coordinator))
            async with at.one.agent("off1") as agent, at.one.operator() as operator:
                calls = (
                    agent.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SOON),
                    agent.Report(
                        agent_pb2.ReportRequest(report=at.fleet.report("off1", 1)), timeout=SOON
                    ),
                    operator.ListHosts(operator_pb2.ListHostsRequest(), timeout=SOON),
                    operator.History(operator_pb2.HistoryRequest(), timeout=SOON),
                )
                for call in calls:
                    with pytest.raises(aio.AioRpcError) as refused:
                        await call
                    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
                    assert refused.value.details() == "DATABASE: the database does not answer"
            assert await health(at.one) == health_pb2.HealthCheckResponse.NOT_SERVING
            for _ in range(3):
                with pytest.raises(errors.UnreachableError):
                    await at.one.coordinator.publish(at.fleet.release(2, "off1"), "desk")
        finally:
            cluster.start()
        await everywhere(at, lambda e: heard(e.coordinator))
        assert await health(at.one) == health_pb2.HealthCheckResponse.SERVING
        assert caplog.text.count("hosts and operators are not served") == 2
        await at.two.publish(at.fleet.release(2, "off1"))
        await at.know(2)


async def health(at: Running) -> int:
    async with at.channel(at.fleet.operator) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        found = await stub.Check(health_pb2.HealthCheckRequest(), timeout=SOON)
        return int(found.status)


async def test_what_was_said_while_nobody_heard_is_read_anew(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.fleet.release(1, "off1"))
        await at.know(1)
        # Both listeners are cut off; what is published meanwhile is told to nobody.
        cluster.sql(
            at.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'SELECT 1' AND pid <> "
            "pg_backend_pid()",
        )
        release = at.fleet.release(2, "off1")
        await at.one.publish(release)
        await at.report(at.one, release, "off1")
        await at.know(2)
        await until(lambda: "off1" in at.two.coordinator.hosts.standings)


async def test_a_cluster_that_crashes_loses_nothing_that_was_answered(
    tmp_path: Path, cluster: Cluster
) -> None:
    async with pair(tmp_path, cluster) as at:
        for serial in range(1, 4):
            release = at.fleet.release(serial, "off1")
            await at.one.publish(release)
            await at.report(at.two, release, "off1")
            cluster.stop(signal.SIGQUIT)
            cluster.start()
            await everywhere(at, lambda e: heard(e.coordinator))
            await at.know(serial)
            assert cluster.sql(at.url, "SELECT max(serial) FROM releases") == str(serial)
            assert cluster.sql(at.url, "SELECT count(*) FROM reports") == str(serial)
