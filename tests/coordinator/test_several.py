"""Several coordinators on one PostgreSQL: what one of them did, the others know."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import time

from grpc import aio
import pytest

from coordinator.several import SOON, coordinator, everywhere, heard, pair, until
from offctl import errors
from offctl import report as reports
from offctl.api.v1 import agent_pb2
from offctl.trust import rotation
from offctl.trust.keys import SecretKey
from offctl_coordinator import neighbours
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.turns import Order, Steering
from transport import fleet as fleets
from transport.cluster import Cluster
from transport.fleet import Fleet, Running, sha256


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


async def test_under_a_trust_root_that_was_replaced_elsewhere_nobody_is_served(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    old, url = Fleet(), cluster.database()
    # The new timestamp key is put in place by hand, coordinator after coordinator.
    new = replace(old, timestamp_key=SecretKey.generate())
    second = new.root(version=2)
    async with (
        coordinator(old, tmp_path, url, "one") as one,
        coordinator(new, tmp_path, url, "two", trust=second) as two,
    ):
        await two.coordinator.publish_root(rotation.sign(second, [old.release_key]), "desk")
        await until(lambda: not heard(one.coordinator))
        assert "cannot go on under trust root 1" in caplog.text
        assert heard(two.coordinator)
    with pytest.raises(errors.AdminError, match="another timestamp key"):
        async with coordinator(old, tmp_path, url, "one"):
            pass


async def test_a_forged_trust_root_in_the_database_changes_nothing(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.fleet.release(1, "off1"))
        await at.know(1)
        forged = rotation.sign(at.fleet.root(version=2), [SecretKey.generate()])
        cluster.sql(
            at.url,
            f"INSERT INTO trust_roots VALUES (2, decode('{forged.hex()}', 'hex'));"
            "NOTIFY offctl, 'somebody trust'",
        )
        await until(lambda: caplog.text.count("trust root 2 in the database") == 2)
        await at.one.publish(at.fleet.release(2, "off1"))
        await at.know(2)
