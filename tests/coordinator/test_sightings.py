"""A copied disk is noticed; restarts, reboots and old reports are not one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offctl.status import State
from offctl_coordinator.sightings import KEPT, Sightings
from transport.fleet import Fleet, serving, sha256

START = datetime(2026, 3, 1, tzinfo=UTC)


def seen(*reports: tuple[str, int]) -> list[bool]:
    sightings = Sightings()
    return [
        sightings.see("off1", machine, START + timedelta(minutes=made), START)
        for machine, made in reports
    ]


@pytest.mark.parametrize(
    ("reports", "alarms"),
    [
        ([("a", 0), ("a", 1), ("a", 2)], 0),
        ([("a", 0), ("b", 1), ("b", 2), ("c", 3)], 0),  # reboots
        ([("a", 0), ("a", 1), ("b", 2), ("a", 0), ("a", 1), ("b", 3)], 0),  # handed in again
        ([("", 0), ("", 1)], 0),
        ([("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)], 3),
        ([("a", 0), ("a", 1), ("a", 2), ("b", 3), ("a", 4)], 1),
    ],
)
def test_only_a_name_that_comes_back_is_an_alarm(
    reports: list[tuple[str, int]], alarms: int
) -> None:
    assert sum(seen(*reports)) == alarms


def test_hosts_are_apart_and_memory_is_bounded() -> None:
    sightings = Sightings()
    for number in range(10 * KEPT):
        made = START + timedelta(minutes=number)
        assert not sightings.see("off1", f"m{number}", made, START)
        assert not sightings.see("off2", "a", made, START)
    assert len(sightings._hosts["off1"].earlier) == KEPT
    assert sightings.duplicated() == {}


async def test_a_copied_disk_shows_in_the_status_until_it_is_off(tmp_path: Path) -> None:
    fleet, clock = Fleet(), [datetime.now(UTC).replace(microsecond=0)]
    async with serving(fleet, tmp_path, clock=lambda: clock[0]) as running:
        release = fleet.release(1, "off1")
        await running.publish(release)

        async def report(machine: str, sequence: int) -> State:
            clock[0] += timedelta(seconds=30)
            content = fleet.report(
                "off1",
                sequence=sequence,
                machine=machine,
                time=clock[0],
                manifest_sha256=sha256(release),
            )
            await running.coordinator.report("off1", content)
            return running.coordinator.roster().view("off1", clock[0]).verdict.state

        assert await report("a", 1) is State.CONVERGED
        assert await report("b", 1) is State.CONVERGED, "a restart, as far as anybody knows"
        assert await report("a", 2) is State.DUPLICATE
        assert await report("b", 2) is State.DUPLICATE
        for number in range(3, 20):
            state = await report("b", number)
        assert state is State.CONVERGED
