"""Waves through a real coordinator: who is offered what, when, and what stops it."""

from collections.abc import AsyncIterator
import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from grpc import aio
import pytest

from offctl import report as reports
from offctl.api.v1 import agent_pb2, operator_pb2
from offctl.trust import accept
from offctl.trust.accept import Floor
from offctl.trust.release import SignedRelease
from transport.fleet import Fleet, Running, serving, sha256

SECONDS = 5.0
SOAK = 600
WAVES = {"off1": 1, "off2": 2, "ovh1": 2, "ovh2": 3}
PAUSE = operator_pb2.SteerRolloutRequest.ORDER_PAUSE
RESUME = operator_pb2.SteerRolloutRequest.ORDER_RESUME
PROMOTE = operator_pb2.SteerRolloutRequest.ORDER_PROMOTE


class Clock:
    """Time that only goes when told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Scene:
    """A coordinator with a clock of its own; hosts report what the test says."""

    fleet: Fleet
    running: Running
    clock: Clock
    sequence: int = 0

    def release(self, serial: int, **waves: int) -> SignedRelease:
        states = (
            replace(self.fleet.state(host), wave=wave, soak=SOAK)
            for host, wave in (waves or WAVES).items()
        )
        now = self.clock.now
        return self.fleet.release_of(serial, *states, created=now, expires=now + timedelta(days=30))

    async def publish(self, serial: int, **waves: int) -> SignedRelease:
        release = self.release(serial, **waves)
        await self.running.publish(release)
        return release

    async def offered(self, host: str) -> int:
        """The serial that `host` is given; 0 for none."""
        async with self.running.agent(host) as stub:
            try:
                got = await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=SECONDS)
            except aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:
                    raise
                return 0
        root = self.fleet.root(expires=self.clock.now + timedelta(days=365))
        found = accept.manifest(got.envelope, root, floor=Floor(), now=self.clock.now)
        stamp = accept.timestamp(got.timestamp, root, now=self.clock.now)
        assert accept.freshness(found, stamp, self.clock.now) == "fresh"
        return found.manifest.serial

    async def offers(self) -> dict[str, int]:
        return {host: await self.offered(host) for host in WAVES}

    async def report(self, release: SignedRelease, *hosts: str, **changes: object) -> None:
        serial = self.running.coordinator.turns.rollout.serial
        for host in hosts:
            self.sequence += 1
            values = {
                "serial": serial,
                "manifest_sha256": sha256(release),
                "time": self.clock.now,
                **changes,
            }
            content = self.fleet.report(host, self.sequence, **values)
            await self.running.coordinator.report(host, content)

    async def soak(self, release: SignedRelease, *hosts: str) -> None:
        await self.report(release, *hosts)
        for _ in range(SOAK // 60):
            self.clock.go(60)
            await self.report(release, *hosts)

    async def rollout(self) -> operator_pb2.GetRolloutResponse:
        async with self.running.operator() as stub:
            found: operator_pb2.GetRolloutResponse = await stub.GetRollout(
                operator_pb2.GetRolloutRequest(), timeout=SECONDS
            )
            return found

    async def steer(self, order: int, reason: str = "", **seen: int) -> None:
        now = await self.rollout()
        async with self.running.operator() as stub:
            await stub.SteerRollout(
                operator_pb2.SteerRolloutRequest(
                    order=order,  # type: ignore[arg-type]
                    serial=seen.get("serial", now.serial),
                    wave=seen.get("wave", now.wave),
                    reason=reason,
                ),
                timeout=SECONDS,
            )


@contextlib.asynccontextmanager
async def scene(
    tmp_path: Path, fleet: Fleet | None = None, clock: Clock | None = None
) -> AsyncIterator[Scene]:
    given, time = fleet or Fleet(), clock or Clock()
    root = given.root(expires=time.now + timedelta(days=365))
    async with serving(given, tmp_path, clock=time, trust=root) as running:
        yield Scene(given, running, time)


FAILED: dict[str, object] = {
    "counts": reports.Counts(resources=3, failed=1),
    "resources": (
        reports.ResourceStatus("container 113 off", "failed", "cannot start container 113:\nno"),
    ),
}
DRIFT: dict[str, object] = {"counts": reports.Counts(resources=3, drift=1)}


async def test_the_first_release_goes_out_wave_by_wave(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        assert await at.offers() == {"off1": 1, "off2": 0, "ovh1": 0, "ovh2": 0}
        await at.soak(one, "off1")
        assert await at.offers() == {"off1": 1, "off2": 1, "ovh1": 1, "ovh2": 0}
        await at.soak(one, "off1", "off2")
        assert (await at.offers())["ovh2"] == 0  # ovh1 has not shown it yet
        await at.soak(one, "off1", "off2", "ovh1")
        assert await at.offers() == dict.fromkeys(WAVES, 1)


async def everywhere(at: Scene, serial: int = 1) -> SignedRelease:
    release = await at.publish(serial)
    for _ in range(3):
        await at.soak(release, *(h for h, s in (await at.offers()).items() if s == serial))
    assert await at.offers() == dict.fromkeys(WAVES, serial)
    return release


async def test_later_waves_stay_with_what_they_have(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await everywhere(at)
        await at.publish(2)
        assert await at.offers() == {"off1": 2, "off2": 1, "ovh1": 1, "ovh2": 1}
        three = await at.publish(3)
        assert await at.offers() == {"off1": 3, "off2": 1, "ovh1": 1, "ovh2": 1}
        await at.soak(three, "off1")
        assert await at.offers() == {"off1": 3, "off2": 3, "ovh1": 3, "ovh2": 1}


async def test_a_bad_report_in_between_begins_the_soak_anew(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        for _ in range(SOAK // 60 - 1):
            await at.report(one, "off1")
            at.clock.go(60)
        await at.report(one, "off1", **DRIFT)
        at.clock.go(60)
        await at.report(one, "off1")
        assert (await at.rollout()).wave == 1
        await at.soak(one, "off1")
        assert (await at.rollout()).wave == 2


async def test_silence_in_between_begins_the_soak_anew(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        await at.report(one, "off1")
        at.clock.go(3 * SOAK)
        await at.report(one, "off1")
        assert (await at.rollout()).wave == 1
        await at.soak(one, "off1")
        assert (await at.rollout()).wave == 2


async def test_a_host_that_fell_silent_after_its_soak_has_to_show_it_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        await at.soak(one, "off1")
        await at.soak(one, "off1", "off2")
        await at.soak(one, "off2", "ovh1")  # off1 says nothing meanwhile
        assert (await at.rollout()).wave == 2
        await at.soak(one, "off1", "off2", "ovh1")
        assert (await at.rollout()).wave == 3


async def test_time_alone_shows_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        await at.report(one, "off1")
        at.clock.go(10 * SOAK)
        await at.report(one, "off2", manifest_sha256="0" * 64)
        assert (await at.rollout()).wave == 1
        assert (await at.offers())["off2"] == 0


async def test_reports_about_another_release_show_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await everywhere(at)
        await at.publish(2)
        for _ in range(30):
            at.clock.go(60)
            await at.report(one, "off1", serial=1)
        assert (await at.offers())["off2"] == 1


async def test_a_failure_halts_and_says_which_host_and_resource(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await everywhere(at)
        two = await at.publish(2)
        await at.report(two, "off1", **FAILED)
        found = await at.rollout()
        assert found.halted == "off1: container 113 off: cannot start container 113: no"
        await at.soak(two, "off1")  # it got well again by itself: that needs somebody to look
        assert (await at.offers())["off2"] == 1
        await at.steer(RESUME)
        assert (await at.rollout()).halted == ""
        await at.soak(two, "off1")
        assert (await at.offers())["off2"] == 2


async def test_a_newer_release_ends_a_halt(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        two = await at.publish(2)
        await at.report(two, "off1", **FAILED)
        three = await at.publish(3)
        assert (await at.rollout()).halted == ""
        await at.soak(three, "off1")
        assert (await at.offers())["off2"] == 3


async def test_an_old_failure_halts_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await everywhere(at)
        await at.publish(2)
        await at.report(one, "off1", serial=1, **FAILED)
        await at.report(one, "off2", serial=1, **FAILED)
        assert (await at.rollout()).halted == ""


async def test_a_pause_stops_the_next_wave_also_of_a_later_release(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        await at.steer(PAUSE, "campaign")
        await at.soak(one, "off1")
        assert (await at.offers())["off2"] == 0
        two = await at.publish(2)
        assert (await at.rollout()).paused == "by desk: campaign"
        await at.soak(two, "off1")
        assert (await at.offers()) == {"off1": 2, "off2": 0, "ovh1": 0, "ovh2": 0}
        await at.steer(RESUME)
        at.clock.go(60)
        await at.report(two, "off1")
        assert (await at.offers())["off2"] == 2


async def test_promote_opens_one_wave_and_not_two(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.publish(1)
        await at.steer(PROMOTE)
        assert await at.offers() == {"off1": 1, "off2": 1, "ovh1": 1, "ovh2": 0}
        with pytest.raises(aio.AioRpcError) as refused:
            await at.steer(PROMOTE, wave=1)
        assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "ROLLOUT_MOVED" in str(refused.value.details())
        assert (await at.offers())["ovh2"] == 0
        await at.steer(PROMOTE)
        with pytest.raises(aio.AioRpcError, match="NOTHING_LEFT"):
            await at.steer(PROMOTE)


@pytest.mark.parametrize(
    ("order", "reason"), [(0, ""), (9, ""), (PAUSE, ""), (PAUSE, "x" * 501), (PAUSE, "a\nb")]
)
async def test_orders_that_are_none(tmp_path: Path, order: int, reason: str) -> None:
    async with scene(tmp_path) as at:
        await at.publish(1)
        with pytest.raises(aio.AioRpcError) as refused:
            await at.steer(order, reason)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_rollout_survives_a_restart_and_shows_its_soak_again(tmp_path: Path) -> None:
    clock, fleet = Clock(), Fleet()
    async with scene(tmp_path, fleet, clock) as at:
        await everywhere(at)
        two = await at.publish(2)
        await at.steer(PAUSE, "campaign")
        await at.report(two, "off1", **FAILED)
        await at.report(two, "off1")
    clock.go(SOAK)
    async with scene(tmp_path, fleet, clock) as at:
        at.sequence = 1000
        found = await at.rollout()
        assert (found.wave, found.paused) == (1, "by desk: campaign")
        assert found.halted.startswith("off1: ")
        assert await at.offers() == {"off1": 2, "off2": 1, "ovh1": 1, "ovh2": 1}
        await at.steer(RESUME)
        await at.report(two, "off1")
        assert (await at.offers())["off2"] == 1
        await at.soak(two, "off1")
        assert (await at.offers())["off2"] == 2


async def test_a_lost_database_never_offers_less(tmp_path: Path) -> None:
    clock, fleet = Clock(), Fleet()
    async with scene(tmp_path, fleet, clock) as at:
        one = await everywhere(at)
    (tmp_path / "coordinator.db").unlink()
    async with scene(tmp_path, fleet, clock) as at:
        at.sequence = 1000
        await at.running.publish(one)
        assert await at.offers() == {"off1": 1, "off2": 0, "ovh1": 0, "ovh2": 0}
        await at.report(one, "ovh2")  # it has the release, so it may go on having it
        assert (await at.offers())["ovh2"] == 1


async def test_a_host_that_moves_to_a_later_wave_keeps_what_it_has(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await everywhere(at)
        await at.publish(2, off1=2, off2=1, ovh1=2, ovh2=2)
        assert await at.offers() == {"off1": 1, "off2": 2, "ovh1": 1, "ovh2": 1}


async def test_one_wave_needs_no_rollout(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        await at.publish(1, off1=7, off2=7, ovh1=7, ovh2=7)
        assert await at.offers() == dict.fromkeys(WAVES, 1)


async def test_status_says_that_a_host_is_queued_and_why(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await everywhere(at)
        await at.publish(2)
        await at.report(one, "off2", serial=1)
        await at.report(one, "ovh1", serial=1, **FAILED)
        async with at.running.operator() as stub:
            listed = await stub.ListHosts(operator_pb2.ListHostsRequest(), timeout=SECONDS)
        states = {host.host: (host.state, host.reason) for host in listed.hosts}
        assert states["off2"] == (
            "queued",
            "release 2 waits for wave 1 to be right for its soak",
        )
        assert states["ovh1"][0] == "failed"


async def test_watching_tells_a_host_of_its_turn_only(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await everywhere(at)
        async with at.running.agent("off2") as stub:
            stream = stub.Watch(agent_pb2.WatchRequest(), timeout=SECONDS)
            assert (await stream.read()).manifest_sha256.hex() == sha256(one)
            two = await at.publish(2)
            await at.soak(two, "off1")
            assert (await stream.read()).manifest_sha256.hex() == sha256(two)


async def test_a_release_is_given_back_as_it_was_published(tmp_path: Path) -> None:
    async with scene(tmp_path) as at:
        one = await at.publish(1)
        await at.publish(2)
        async with at.running.operator() as stub:
            request = operator_pb2.GetReleaseRequest(serial=1)
            parts = [part async for part in stub.GetRelease(request, timeout=SECONDS)]
            assert parts[0].envelope == one.envelope
            assert tuple((p.bundle.host, p.bundle.content) for p in parts[1:]) == one.bundles
            missing = stub.GetRelease(operator_pb2.GetReleaseRequest(serial=7), timeout=SECONDS)
            with pytest.raises(aio.AioRpcError) as refused:
                await missing.read()
            assert refused.value.code() is grpc.StatusCode.NOT_FOUND
