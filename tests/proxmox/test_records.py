"""Reading who did what from files as PVE leaves them, and from a `zpool` that is a program."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
import resource
import time

import pytest

from offctl_agent.host.traces import Trace, Traces
from offctl_agent.proxmox import records
from offctl_agent.proxmox.records import Records

START = datetime(2026, 11, 28, 13, 0, 0, tzinfo=UTC)


def upid(number: int, *, minute: int = 0, who: str = "root@pam", how: str = "vzstop") -> str:
    at = int((START + timedelta(minutes=minute)).timestamp())
    return f"UPID:off2:0000ABCD:01234567:{at:08X}:{how}:{number}:{who}:"


class Place:
    def __init__(self, root: Path) -> None:
        self.logs = root / "var/log/pve/tasks"
        self.logs.mkdir(parents=True)
        self.program = root / "zpool"
        self.records = Records(root, program=str(self.program))

    def zpool(self, script: str) -> None:
        self.program.write_text(f"#!/bin/sh\n{script}\n")
        self.program.chmod(0o755)

    def look(self, *pools: str, tasks: bool = False) -> Traces:
        return self.records.traces(START, tasks=tasks, pools=pools)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_host_without_any_record_is_no_error(place: Place) -> None:
    assert place.look(tasks=True) == Traces()


def test_what_goes_on_and_what_has_ended_is_told_once(place: Place) -> None:
    end = "692F0000 OK"
    place.logs.joinpath("active").write_text(f"{upid(113, minute=5)} 1 {end}\n{upid(114)} 0\n")
    place.logs.joinpath("index").write_text(f"{upid(113, minute=5)} {end}\n")
    place.logs.joinpath("index.1").write_text(f"{upid(115)} {end}\n{upid(116, minute=-1)} {end}\n")
    found = place.look(tasks=True)
    assert [trace.target for trace in found.found] == ["113", "114", "115"]
    assert found.unread == ()


def test_logs_that_are_no_files_are_named_and_the_others_read(place: Place) -> None:
    place.logs.joinpath("index").symlink_to("/etc/shadow")
    place.logs.joinpath("active").mkdir()
    place.logs.joinpath("index.1").write_text(f"{upid(115)} 692F0000 OK\n")
    found = place.look(tasks=True)
    assert [trace.target for trace in found.found] == ["115"]
    assert len(found.unread) == 2
    assert all("cannot read" in reason for reason in found.unread)


def test_a_history_is_asked_for_pool_by_pool(place: Place) -> None:
    place.zpool(
        'test "$*" = "history -l tank" || exit 7\n'
        "echo \"History for 'tank':\"\n"
        "echo '2026-11-28.23:59:59 zfs set atime=on tank/off [user 0 (root) on off2:linux]'"
    )
    found = place.look("tank")
    local = datetime(2026, 11, 28, 23, 59, 59).astimezone(UTC)
    assert found.found == (Trace(local, "root on off2", "zfs set", "tank/off", (("atime", "on"),)),)
    failed = place.look("gone")
    assert failed.found == ()
    assert "cannot read who changed ZFS: zpool history -l exited with 7" in failed.unread[0]


def test_of_a_history_without_end_only_the_end_is_kept(place: Place) -> None:
    """120 MB, as a pool has that is snapshotted every hour for years."""
    line = "2026-11-28.23:59:58 zfs snapshot tank/off@" + "x" * 180 + " [user 0 (root) on off2]"
    place.zpool(
        f"yes '{line}' | head -c 120000000\necho\n"
        "echo '2026-11-28.23:59:59 zfs set atime=on tank/off [user 0 (root) on off2:linux]'"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = place.look("tank")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert [trace.how for trace in found.found] == ["zfs set"]
    assert grown < 64 * 1024  # KiB


def test_a_history_that_hangs_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SECONDS", 0.5)
    monkeypatch.setattr(records, "GRACE", 0.5)
    place.zpool("trap '' TERM; sleep 60 & wait; sleep 60")
    began = time.monotonic()
    found = place.look("tank")
    assert time.monotonic() - began < 5
    assert "did not end within 0.5 seconds" in found.unread[0]


def test_no_more_pools_are_asked_than_can_be_waited_for(place: Place, tmp_path: Path) -> None:
    place.zpool(f"echo x >> {tmp_path}/asked")
    place.look(*(f"tank{n}" for n in range(9)))
    assert len((tmp_path / "asked").read_text().split()) == records.MOST_POOLS
