"""The site as a whole: worst first, what is well only counted, and bounded whatever hosts say."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from offctl import report as reports
from offctl.api.v1 import operator_pb2
from transport.fleet import Fleet, Running, now, serving, sha256

SECONDS = 5.0
DEGRADED = reports.PoolStatus("tank", "DEGRADED", 0, 0, "")


async def looked(running: Running, **asked: Any) -> operator_pb2.GetOverviewResponse:
    async with running.operator() as stub:
        request = operator_pb2.GetOverviewRequest(**asked)
        found: operator_pb2.GetOverviewResponse = await stub.GetOverview(request, timeout=SECONDS)
        return found


async def test_nothing_published(tmp_path: Path) -> None:
    async with serving(Fleet(), tmp_path) as running:
        found = await looked(running)
    assert (found.serial, found.site, len(found.hosts)) == (0, "openfoodfacts", 0)
    assert not found.HasField("rollout")
    assert not found.HasField("published")


async def test_worst_first_and_the_rest_is_counted(tmp_path: Path) -> None:
    fleet = Fleet()
    hosts = ("off1", "off2", "off3", "off4")
    release = fleet.release(7, *hosts)
    right: dict[str, Any] = {"manifest_sha256": sha256(release), "serial": 7}
    drift = reports.ResourceStatus("dataset tank/a", "drift", "atime")
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        tell = running.coordinator.report
        await tell("off1", fleet.report("off1", **right))
        await tell(
            "off2",
            fleet.report("off2", **right, counts=reports.Counts(1, drift=1), resources=(drift,)),
        )
        await tell("off4", fleet.report("off4", **right, pools=(DEGRADED,)))
        found = await looked(running)
        every = await looked(running, every_host=True)
        one = await looked(running, limit=1)
    assert (found.serial, found.operator) == (7, "desk")
    assert found.published.ToDatetime() > (now() - timedelta(minutes=1)).replace(tzinfo=None)
    assert [(each.state, each.hosts) for each in found.states] == [
        ("awaited", 1),
        ("drift", 1),
        ("converged", 2),
    ]
    assert [each.host for each in found.hosts] == ["off3", "off2"]
    assert [each.host for each in every.hosts] == ["off3", "off2", "off1", "off4"]
    assert [(each.kind, each.host) for each in found.concerns] == [("pool", "off4")]
    assert ([each.host for each in one.hosts], one.hosts_left_out) == (["off3"], 1)


async def test_whose_turn_has_not_come_is_one_number(tmp_path: Path) -> None:
    fleet = Fleet()
    states = [replace(fleet.state(f"off{n}"), wave=n, soak=60) for n in (1, 2, 3)]
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release_of(7, *states))
        found = await looked(running)
    assert [(each.state, each.hosts) for each in found.states] == [("awaited", 1), ("queued", 2)]
    assert [each.host for each in found.hosts] == ["off1"]
    assert (found.rollout.wave, list(found.rollout.waves), found.rollout.waiting) == (
        1,
        [1, 2, 3],
        2,
    )
    assert (list(found.rollout.awaited), found.rollout.awaited_hosts) == (["off1"], 1)


async def test_nothing_is_said_of_the_pools_of_who_is_silent_or_gone(tmp_path: Path) -> None:
    fleet = Fleet()
    clock = [now()]
    async with serving(fleet, tmp_path, clock=lambda: clock[0]) as running:
        await running.publish(fleet.release(7, "off1", "off2"))
        for host in ("off1", "off2"):
            await running.coordinator.report(host, fleet.report(host, pools=(DEGRADED,)))
        assert len((await looked(running)).concerns) == 2
        await running.publish(fleet.release(8, "off1"))
        clock[0] += timedelta(hours=1)
        await running.publish(fleet.release(9, "off1"))
        found = await looked(running)
    assert {each.state for each in found.states} <= {"silent", "retired"}
    assert len(found.concerns) == 0


async def test_concerns_are_cut_and_counted(tmp_path: Path) -> None:
    fleet = Fleet()
    pools = tuple(replace(DEGRADED, pool=f"tank{n:02}") for n in range(90))
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(7, "off1", "off2"))
        for host in ("off1", "off2"):
            await running.coordinator.report(host, fleet.report(host, pools=pools))
        found = await looked(running)
    assert (len(found.concerns), found.concerns_left_out) == (100, 80)
