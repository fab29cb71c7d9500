"""The database fails in the middle of a change: it is finished when the database answers again."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import grpc
from grpc import aio
import pytest

from coordinator import failing
from coordinator.several import coordinator, everywhere, pair, serial, until
from offctl import errors
from offctl import report as reports
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust import rotation
from offctl.trust.release import SignedRelease
from offctl_coordinator import neighbours
from offctl_coordinator.store.sql import SqlStore
from offctl_coordinator.turns import Order, Steering
from transport import fleet as fleets
from transport.cluster import Cluster
from transport.fleet import Fleet, Running, serving


def hosts(at: Running) -> set[str]:
    """Whoever may call."""
    return {caller.name for caller in at.coordinator.allowed.callers.values()}


# The second release leaves the first to off2, so that it is read too.
@pytest.mark.parametrize("method", ["decide", "release"])
async def test_a_release_that_was_stored_is_taken_up_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as at:
        await at.publish(fleet.release_of(1, *map(fleet.state, ("off1", "off2"))))
        failed = failing.once(monkeypatch, method)
        with pytest.raises(errors.UnreachableError):
            await at.publish(second(fleet))
        assert failed
        assert "ovh1" not in hosts(at)
        await at.coordinator.catch_up()
        assert serial(at.coordinator) == 2
        assert "ovh1" in hosts(at)
        assert not at.coordinator.behind
        assert (await at.coordinator.fetch("off1", "")).envelope == second(fleet).envelope


def second(fleet: Fleet) -> SignedRelease:
    created = fleets.now().replace(hour=0, minute=0, second=0)
    waves = {"off1": 1, "off2": 2, "ovh1": 2}
    states = (replace(fleet.state(host), wave=wave) for host, wave in waves.items())
    return fleet.release_of(2, *states, created=created, expires=created + timedelta(days=30))


@pytest.mark.parametrize("method", ["decide", "newest_release"])
async def test_a_trust_root_that_was_stored_is_in_force_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    fleet, spare = Fleet(), fleets.Pair.make("spare")
    newer = fleet.root(version=2, operators=(("spare", spare.certificate),))
    async with serving(fleet, tmp_path) as at:
        await at.publish(fleet.release(1, "off1"))
        monkeypatch.setattr(at.coordinator.turns, "_newest", None)
        if method == "decide":
            at.coordinator.turns.rollout = replace(at.coordinator.turns.rollout, serial=0)
        failing.once(monkeypatch, method)
        with pytest.raises(errors.UnreachableError):
            await at.coordinator.publish_root(rotation.sign(newer, [fleet.release_key]), "desk")
        await at.coordinator.catch_up()
        assert hosts(at) == {"spare", "off1"}
        assert serial(at.coordinator) == 1


async def test_nobody_needs_to_say_anything_for_that(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet()
    monkeypatch.setattr(neighbours, "PULSE", 0.2)
    async with coordinator(fleet, tmp_path, cluster.database(), "one") as at:
        await at.publish(fleet.release(1, "off1"))
        failing.once(monkeypatch, "decide")
        with pytest.raises(errors.UnreachableError):
            await at.publish(fleet.release(2, "off2"))
        await until(lambda: serial(at.coordinator) == 2)
        assert hosts(at) == {"desk", "off2"}


async def test_what_another_published_is_taken_up_when_the_database_answers_again(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(tmp_path, cluster) as at:
        await at.one.publish(at.release(1, off1=1, off2=1))
        await at.know(1)
        failing.once(monkeypatch, "release")
        with contextlib.suppress(errors.UnreachableError):  # the first of the two it was
            await at.one.publish(at.release(2))
        await at.know(2)
        await everywhere(at, lambda each: each.coordinator.turns.offer("off2") is not None)


async def test_a_damaged_release_that_is_published_again_is_taken_up_by_all(
    tmp_path: Path, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    url, fleet = cluster.database(), Fleet()
    release = fleet.release(1, "off1")
    async with coordinator(fleet, tmp_path, url, "one") as at:
        await at.publish(release)
    cluster.sql(url, "UPDATE bundles SET content = 'damaged'")
    async with (
        coordinator(fleet, tmp_path, url, "one") as one,
        coordinator(fleet, tmp_path, url, "two") as two,
    ):
        assert (serial(one.coordinator), serial(two.coordinator)) == (0, 0)
        # Once for each: they read it twice when they start.
        assert caplog.text.count("only operators are served") == 2
        await one.publish(release)
        await until(lambda: serial(two.coordinator) == 1)
        assert hosts(two) == {"desk", "off1"}


async def test_a_clock_that_is_set_right_needs_no_restart(
    tmp_path: Path,
    cluster: Cluster,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, fleet = cluster.database(), Fleet()
    monkeypatch.setattr(neighbours, "PULSE", 0.1)
    monkeypatch.setattr(neighbours, "AGAIN_SECONDS", 0.3)
    async with coordinator(fleet, tmp_path, url, "one") as at:
        await at.publish(fleet.release(1, "off1"))
    late = [timedelta(days=2)]

    def clock() -> datetime:
        return fleets.now() - late[0]

    async with coordinator(fleet, tmp_path, url, "one", clock) as at:
        for _ in range(3):
            await at.coordinator.catch_up()
        assert serial(at.coordinator) == 0
        assert caplog.text.count("only operators are served") == 1
        late[0] = timedelta()
        await until(lambda: serial(at.coordinator) == 1)


FAILED = {"counts": reports.Counts(resources=3, failed=1)}


async def test_a_failure_that_was_stored_and_not_heard_halts_when_it_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet()
    release = second(fleet)
    async with serving(fleet, tmp_path) as at:
        await at.publish(release)
        told = {"serial": 2, "manifest_sha256": fleets.sha256(release)}
        report = fleet.report("off1", 1, **told, **FAILED)
        failing.once(monkeypatch, "decide")
        with pytest.raises(errors.UnreachableError):
            await at.coordinator.report("off1", report)
        assert not at.coordinator.turns.rollout.halted
        await at.coordinator.report("off1", report)
        assert at.coordinator.turns.rollout.halted.startswith("off1: ")
        # What is older than the newest stays unheard, however often it comes.
        await at.coordinator.steer(Steering(Order.RESUME, 2, 1, "desk"))
        await at.coordinator.report("off1", fleet.report("off1", 2, **told))
        await at.coordinator.report("off1", report)
        assert not at.coordinator.turns.rollout.halted


async def test_a_wave_is_told_of_once(tmp_path: Path) -> None:
    fleet = Fleet()
    release, later = second(fleet), [0]

    def clock() -> datetime:
        return fleets.now() + timedelta(seconds=later[0])

    async with serving(fleet, tmp_path, clock=clock) as at:
        await at.publish(release)
        told = {"serial": 2, "manifest_sha256": fleets.sha256(release)}
        await at.coordinator.report("off1", fleet.report("off1", 1, **told, **FAILED))
        for sequence in range(3):
            later[0] += 10
            await at.coordinator.report("ovh9", fleet.report("ovh9", sequence, **told))
        page = await at.coordinator.chronicle.page("", 0, 99)
        assert [each.action for _, each in page.events if each.kind == "rollout"] == [
            f"halted: {at.coordinator.turns.rollout.halted}"
        ]


async def test_whoever_calls_while_the_database_is_away_waits_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = Fleet()
    release = fleet.release(1, "off1")
    asked: list[str] = []

    def away() -> None:
        raise errors.UnreachableError("cannot say what is current", code="DATABASE")

    async with serving(fleet, tmp_path) as at, at.agent("off1") as agent, at.operator() as operator:
        await at.publish(release)
        monkeypatch.setattr(SqlStore, "transaction", lambda _, doing: asked.append(doing))
        at.coordinator.sure = away
        publish = iter([operator_pb2.PublishRequest(envelope=release.envelope)])
        order = operator_pb2.SteerRolloutRequest.ORDER_PROMOTE
        calls = (
            agent.FetchRelease(agent_pb2.FetchReleaseRequest()),
            agent.Report(agent_pb2.ReportRequest(report=fleet.report("off1", 1))),
            operator.Publish(publish),
            operator.PublishTrustRoot(operator_pb2.PublishTrustRootRequest(envelope=b"{}")),
            operator.ListHosts(operator_pb2.ListHostsRequest()),
            operator.GetHost(operator_pb2.GetHostRequest(host="off1")),
            operator.GetObservation(operator_pb2.GetObservationRequest(host="off1")),
            operator.History(operator_pb2.HistoryRequest()),
            operator.GetRelease(operator_pb2.GetReleaseRequest(serial=1)).read(),
            operator.GetRollout(operator_pb2.GetRolloutRequest()),
            operator.SteerRollout(operator_pb2.SteerRolloutRequest(order=order, serial=1, wave=1)),
            operator.GetOverview(operator_pb2.GetOverviewRequest()),
            operator.ListEvents(operator_pb2.ListEventsRequest()),
        )
        for call in calls:
            with pytest.raises(aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert asked == []
