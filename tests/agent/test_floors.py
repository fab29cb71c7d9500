"""How far a host has come: two places, either of which is enough, and neither is not."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import shutil

import pytest

from agent.desk import Desk
from offctl import errors
from offctl.trust.accept import Floor
from offctl_agent import floors
from offctl_agent.floors import Mark
from offctl_agent.memory import Memory

SHA = "a" * 64


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def release(desk: Desk, serial: int) -> None:
    state = replace(desk.fleet.state("off2"), pools=("zfs-hdd", "zfs-nvme"))
    desk.offer(desk.fleet.release_of(serial, state))


def at_5(desk: Desk) -> None:
    release(desk, 5)
    assert desk.serial(desk.take()) == 5
    assert set(desk.places.texts) == {"zfs-hdd", "zfs-nvme"}


def wipe(desk: Desk) -> None:
    shutil.rmtree(desk.config.agent_state)
    desk.state().prepare()


@pytest.mark.parametrize(
    "mark",
    [Mark(), Mark("off", Floor(7, SHA), 3), Mark("off", Floor(2**53 - 1)), Mark(trust=9)],
)
def test_a_mark_reads_back(mark: Mark) -> None:
    assert floors.parse(mark.text) == mark
    assert len(mark.text) < 200


@pytest.mark.parametrize(
    "text",
    ["", "1", "1 off 0 7", f"2 off 0 7 {SHA}", f"1 off 0 -7 {SHA}", f"1 off 0 7 {SHA}\n",
     f"1 off 0 07 {SHA}", f"1 ../off 0 7 {SHA}", "1 off 0 7 x", f"1 off 0 7 {SHA.upper()}",
     f"1 off 0 {'9' * 40} {SHA}", f"1 off 0 \u0667 {SHA}"],
)  # fmt: skip
def test_what_is_no_mark_is_refused(text: str) -> None:
    with pytest.raises(errors.MalformedError):
        floors.parse(text)


def test_the_highest_is_taken_in_each_part() -> None:
    assert floors.highest([]) == Mark()
    marks = [Mark("off", Floor(7, SHA), 1), Mark("off", Floor(6, "b" * 64), 2), Mark()]
    for order in (marks, marks[::-1]):
        assert floors.highest(order) == Mark("off", Floor(7, SHA), 2)
    assert floors.highest([Mark("off", Floor(7)), marks[0]]).floor == Floor(7, SHA)


def test_a_wiped_state_directory_opens_no_way_back(desk: Desk) -> None:
    at_5(desk)
    wipe(desk)
    release(desk, 4)
    taken = desk.take()
    assert (taken.held, taken.refused and taken.refused.code) == (None, "ROLLBACK")
    release(desk, 6)
    taken = desk.take()
    assert (desk.serial(taken), taken.refused, taken.observe_only) == (6, None, "")
    assert desk.state().ledger().lost, "and what is missing is not made anew"


def test_a_wiped_pool_opens_no_way_back_and_is_written_again(desk: Desk) -> None:
    at_5(desk)
    desk.places.texts.clear()
    (desk.config.inbox / "release.json").unlink()
    assert desk.serial(desk.take()) == 5
    assert floors.parse(desk.places.texts["zfs-hdd"]).floor.serial == 5
    release(desk, 4)
    assert getattr(desk.take().refused, "code", "") == "ROLLBACK"


def test_an_older_state_directory_is_found_out(desk: Desk, tmp_path: Path) -> None:
    """A backup of /var/lib from before: what it holds is believed, and older than the floor."""
    at_5(desk)
    shutil.copytree(desk.config.agent_state, tmp_path / "backup")
    release(desk, 7)
    desk.take()
    wipe(desk)
    shutil.copytree(tmp_path / "backup", desk.config.agent_state, dirs_exist_ok=True)
    release(desk, 6)
    assert getattr(desk.take().refused, "code", "") == "ROLLBACK"


def test_both_gone_is_observing_only_until_an_operator_confirms(desk: Desk) -> None:
    at_5(desk)
    wipe(desk)
    desk.places.texts.clear()
    release(desk, 4)
    for _ in range(2):
        taken = desk.take()
        assert (desk.serial(taken), taken.code) == (4, "FLOOR_LOST"), "seen, not acted upon"
        assert taken.observe_only
        assert taken.refused is not None
        assert taken.refused.code == "FLOOR_LOST"
        assert "offctl-agent confirm 4" in taken.refused.reason
        assert desk.state().release() is None
        assert desk.places.texts == {}
    assert taken.held is not None
    Memory(desk.state(), desk.places).confirm(taken.site, 5, taken.held.pools)
    assert getattr(desk.take().refused, "code", "") == "ROLLBACK"
    release(desk, 5)
    taken = desk.take()
    assert (desk.serial(taken), taken.refused, taken.observe_only) == (5, None, "")
    assert desk.state().ledger().lost


def test_a_pool_that_cannot_be_read_is_not_an_empty_one(desk: Desk) -> None:
    at_5(desk)
    wipe(desk)
    desk.places.broken = "cannot read org.offctl:floor: no pools"
    release(desk, 6)
    taken = desk.take()
    assert taken.code == "FLOOR_LOST"
    assert taken.refused is not None
    assert "no pools" in taken.refused.reason
    desk.places.broken = ""
    assert desk.take().observe_only == ""


def test_a_pool_that_fails_is_told_and_holds_nothing_up(desk: Desk) -> None:
    at_5(desk)
    desk.places.broken = "cannot set org.offctl:floor: pool is read-only"
    release(desk, 6)
    taken = desk.take()
    assert (desk.serial(taken), taken.refused, taken.observe_only) == (6, None, "")
    assert any("in one place only" in note for note in taken.notes)
    desk.places.broken = ""
    desk.take()
    assert floors.parse(desk.places.texts["zfs-nvme"]).floor.serial == 6


def damage(desk: Desk) -> None:
    (desk.config.agent_state / "floor").write_bytes(b"\0" * 100)


def remove(desk: Desk) -> None:
    (desk.config.agent_state / "floor").unlink()


@pytest.mark.parametrize("harm", [damage, remove])
def test_the_pool_mends_a_floor_file(desk: Desk, harm: Callable[[Desk], None]) -> None:
    at_5(desk)
    harm(desk)
    desk.take()
    mark = desk.state().mark()
    assert mark is not None
    assert mark.floor.serial == 5


def test_a_pool_of_another_site_says_nothing_about_this_one(desk: Desk) -> None:
    desk.places.texts["tank"] = Mark("staging", Floor(900, SHA)).text
    desk.places.texts["junk"] = "?"
    release(desk, 1)
    taken = desk.take()
    assert (desk.serial(taken), taken.refused) == (1, None)
    assert any("not one of ours" in note for note in taken.notes)


def test_looking_writes_neither_place(desk: Desk) -> None:
    before = {p.name: p.read_bytes() for p in desk.config.agent_state.iterdir()}
    release(desk, 3)
    assert desk.serial(desk.take(keep=False)) == 3
    assert {p.name: p.read_bytes() for p in desk.config.agent_state.iterdir()} == before
    assert desk.places.texts == {}


def test_a_clock_that_jumps_back_changes_nothing_and_accepts_nothing_expired(desk: Desk) -> None:
    at_5(desk)
    later = desk.now + timedelta(days=20)
    desk.offer(desk.fleet.release(6, "off2", created=later, expires=later + timedelta(days=9)))
    assert desk.serial(desk.take(after=timedelta(days=20))) == 6
    over = {"created": desk.now - timedelta(days=9), "expires": desk.now + timedelta(days=1)}
    desk.offer(desk.fleet.release(7, "off2", **over))
    for back in (timedelta(days=-1), timedelta(days=-20_000)):
        taken = desk.take(after=back)
        assert desk.serial(taken) == 6, "what is held is still known"
        assert taken.code == "CLOCK"
        assert taken.refused is not None
        assert taken.refused.code == "EXPIRED", "though the clock says that it is not over"
    (desk.config.inbox / "release.json").unlink()
    taken = desk.take(after=timedelta(days=-1))
    assert (taken.refused and taken.refused.code, taken.code) == ("CLOCK", "CLOCK")
    assert "was believed before" in getattr(taken.refused, "reason", "")
    assert desk.take(after=timedelta(days=20)).code == ""


def test_a_clock_ahead_poisons_nothing(desk: Desk) -> None:
    """Only signed times count: when the clock is right again, everything is."""
    at_5(desk)
    taken = desk.take(after=timedelta(days=3650))
    assert (desk.serial(taken), taken.code) == (5, "TRUST_EXPIRED")
    assert desk.take().code == ""


def test_small_corrections_of_a_clock_are_no_alarm(desk: Desk) -> None:
    at_5(desk)
    assert desk.take(after=-timedelta(minutes=9)).refused is None
