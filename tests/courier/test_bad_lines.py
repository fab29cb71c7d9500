"""Lines that break, narrow, or carry one way only: nothing arrives in part, and nothing twice."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from courier import lines
from courier.hosts import configure, held
from offctl import errors
from offctl.desired.model import DesiredState
from offctl.trust import release as releases
from offctl.trust.release import SignedRelease
from offctl_agent import mailbox
from offctl_agent.config import Config
from offctl_agent.mailbox import Inbox, Outbox
from offctl_courier import pins
from offctl_courier.carrying import Carrier
from offctl_courier.client import GrpcCoordinator
from offctl_courier.delivered import Delivered
from transport.fleet import Fleet, Running, serving, sha256

DEADLINE = 10.0
HASTY = 1.5
MOMENT = 0.4
# gRPC connects again by itself where it had sent nothing yet.
GIVEN_UP = ("UNAVAILABLE", "DEADLINE_EXCEEDED")
# Of all moments at which a line can break, one in so many bytes: a prime, so that what is
# repeated in what is carried is met at different places.
EVERY = 307


def place(directory: Path, fleet: Fleet, address: str) -> Config:
    """A host whose courier has started before."""
    config = configure(directory / "off1", fleet, "off1", address)
    for made in (config.inbox, config.courier_state):
        made.mkdir(parents=True, exist_ok=True)
    return config


def carrier(config: Config) -> Carrier:
    return Carrier(
        config.host,
        Inbox(config.inbox),
        Outbox(config.outbox),
        Delivered(config.courier_state / "delivered.json"),
        mailbox.agent_bell(config.runtime),
        lambda: 1,
    )


async def fetched(config: Config, address: str, deadline: float = DEADLINE) -> str:
    """The code of what kept a release back; empty when it came."""
    coordinator = GrpcCoordinator(address, pins.load(config), deadline=deadline)
    try:
        await carrier(config).fetch(coordinator)
    except errors.UnreachableError as error:
        return error.code
    finally:
        await coordinator.close()
    return ""


async def delivered(config: Config, address: str, deadline: float = DEADLINE) -> str:
    """The code of what kept reports back; empty when all were handed in."""
    coordinator = GrpcCoordinator(address, pins.load(config), deadline=deadline)
    try:
        await carrier(config).deliver(coordinator)
    except errors.UnreachableError as error:
        return error.code
    finally:
        await coordinator.close()
    return ""


def large(fleet: Fleet, size: int) -> SignedRelease:
    """A release with a bundle of at least so many bytes."""
    state: DesiredState = replace(
        fleet.state("off1"), pools=tuple(f"p{n}" for n in range(size // 8))
    )
    return fleet.release_of(1, state)


def kept(running: Running) -> list[int]:
    """The numbers of the reports that the coordinator holds of off1."""
    report = running.coordinator.roster().standings.get("off1")
    return [] if report is None else [report.report.sequence]


async def test_a_release_over_a_line_that_breaks_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    fleet = Fleet()
    release = large(fleet, 5000)
    partial = 0
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        config = place(tmp_path, fleet, running.address)
        for after in range(1, 100_000, EVERY):
            async with lines.line(running.address, back=lines.breaking(after)) as address:
                code = await fetched(config, address, MOMENT)
            content = Inbox(config.inbox).release()
            if not code:
                break
            assert (code in GIVEN_UP, content) == (True, None), after
            partial += 1
        assert releases.parse(content or b"").bundles == (("off1", release.bundle("off1")),)
        assert held(config) == sha256(release)
    assert partial * EVERY > 5000


async def test_reports_over_a_line_that_breaks_arrive_whole_and_once(tmp_path: Path) -> None:
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = place(tmp_path, fleet, running.address)
        outbox = Outbox(config.outbox)
        outbox.put(1, fleet.report("off1", sequence=1, notes=tuple("n" * 400 for _ in range(8))))
        broken = 0
        for after in range(1, 100_000, EVERY):
            async with lines.line(running.address, forth=lines.breaking(after)) as address:
                if not await delivered(config, address, MOMENT):
                    break
            # It may have arrived although its sender was not told so: then it comes again.
            assert kept(running) in ([], [1]), after
            broken += 1
        assert broken * EVERY > 3000
        assert kept(running) == [1]
        assert Delivered(config.courier_state / "delivered.json").number == 1


async def test_a_host_that_is_heard_and_hears_nothing_does_nothing_twice(tmp_path: Path) -> None:
    """Its report counts the first time; that it comes again and again changes nothing."""
    fleet = Fleet()
    report = fleet.report("off1", sequence=1, notes=tuple("n" * 400 for _ in range(40)))
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1"))
        config = place(tmp_path, fleet, running.address)
        Outbox(config.outbox).put(1, report)
        received = set()
        for _ in range(3):
            forth, back = lines.one_way(len(report) // 2)
            async with lines.line(running.address, forth=forth, back=back) as address:
                assert await delivered(config, address, HASTY) == "DEADLINE_EXCEEDED"
            received.add(running.coordinator.roster().standings["off1"].received)
            assert Delivered(config.courier_state / "delivered.json").number == 0
        assert await delivered(config, running.address) == ""
        received.add(running.coordinator.roster().standings["off1"].received)
        assert len(received) == 1
        assert Delivered(config.courier_state / "delivered.json").number == 1


async def test_64_kib_arrive_over_eight_kilobits_a_second(tmp_path: Path) -> None:
    """Both sixteen times faster here: the line, and the 120 seconds that a call may take."""
    fleet = Fleet()
    release = large(fleet, 64 * 1024)
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        config = place(tmp_path, fleet, running.address)
        begun = asyncio.get_running_loop().time()
        async with lines.line(running.address, back=lines.narrow(16 * 1000)) as address:
            assert await fetched(config, address, deadline=120 / 16) == ""
        assert asyncio.get_running_loop().time() - begun > 4
        assert held(config) == sha256(release)


@pytest.mark.parametrize("after", [0, 1000, 4000, 20_000])
async def test_a_line_that_swallows_what_is_large_is_given_up_and_the_next_one_used(
    tmp_path: Path, after: int
) -> None:
    fleet = Fleet()
    release = large(fleet, 64 * 1024)
    async with serving(fleet, tmp_path) as running:
        await running.publish(release)
        config = place(tmp_path, fleet, running.address)
        async with lines.line(running.address, back=lines.silent(after)) as address:
            assert await fetched(config, address, deadline=HASTY) == "DEADLINE_EXCEEDED"
        assert Inbox(config.inbox).release() is None
        assert await fetched(config, running.address) == ""
        assert held(config) == sha256(release)
