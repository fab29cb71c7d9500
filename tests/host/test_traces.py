"""The task log and the history as they are written, and as somebody would write them to deceive."""

from datetime import UTC, datetime

import pytest

from offctl_agent.host import traces
from offctl_agent.host.traces import Trace

TIME = 0x6929B2C0
WHEN = datetime.fromtimestamp(TIME, UTC)
UPID = f"UPID:off2:0000ABCD:01234567:{TIME:08X}:vzstop:113:alice@pve:"


def tasks(*lines: str) -> list[Trace]:
    return list(traces.tasks("\n".join(lines).encode(errors="surrogateescape")))


def commands(*lines: str) -> list[Trace]:
    content = "\n".join(lines).encode(errors="surrogateescape")
    return list(traces.commands(content, "tank", lambda said: said.replace(tzinfo=UTC)))


@pytest.mark.parametrize(
    "line",
    [
        f"{UPID} 6929B2C9 OK",
        f"{UPID} 6929B2C9 WARNINGS: 2",
        f"{UPID} 0",
        f"{UPID} 1 6929B2C9 OK",
        UPID.replace(":01234567:", ":123456789:") + " 6929B2C9 OK",
    ],
)
def test_tasks_that_went_well_or_go_on(line: str) -> None:
    assert tasks("", line, "garbage") == [Trace(WHEN, "alice@pve", "vzstop", "113")]


@pytest.mark.parametrize(
    "line",
    [
        f"{UPID} 6929B2C9 CT is locked (backup)",
        f"{UPID} 6929B2C9 unexpected status",
        f" {UPID} 6929B2C9 OK",
        f"{UPID} 6929B2C9 OK\r",
        UPID.replace("alice", "a b") + " 6929B2C9 OK",
        UPID.replace(":113:", "::") + " 6929B2C9 OK",
        UPID.replace(":113:", ":1/1:") + " 6929B2C9 OK",
        UPID.replace("vzstop", "VZ;STOP") + " 6929B2C9 OK",
        UPID.replace(f"{TIME:08X}", "zzzzzzzz") + " 6929B2C9 OK",
        UPID.replace("alice", "a" * 201) + " 6929B2C9 OK",
    ],
)
def test_no_task_is_made_of_anything_else(line: str) -> None:
    assert tasks(line) == []


def test_who_did_it_is_harmless_and_short() -> None:
    [task] = tasks(UPID.replace("alice", "\x1b[2Jalice\udcff") + " 6929B2C9 OK")
    assert task.who == "\\x1b[2Jalice\ufffd@pve"
    [task] = tasks(UPID.replace("alice", "a" * 150) + " 6929B2C9 OK")
    assert len(task.who) == traces.MAX_WHO


ROOT = "[user 0 (root) on off2:linux]"
SECOND = datetime(2026, 11, 28, 13, 55, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "zfs set atime=on recsize=1M tank/off",
            [("zfs set", "tank/off", (("atime", "on"), ("recordsize", "1M")), False)],
        ),
        ("zfs inherit -r atime tank/off", [("zfs inherit", "tank/off", (("atime", ""),), True)]),
        (
            "zfs rename tank/a tank/b",
            [("zfs rename", "tank/a", (), False), ("zfs rename", "tank/b", (), False)],
        ),
        ("zfs destroy -r tank/off", [("zfs destroy", "tank/off", (), True)]),
        ("zpool set autotrim=on tank", [("zpool set", "tank", (("autotrim", "on"),), False)]),
        ("zfs snapshot tank/off@now", []),
        ("zfs set atime=on tankard/off", []),
    ],
)
def test_commands(line: str, expected: list[object]) -> None:
    found = commands("History for 'tank':", f"2026-11-28.13:55:00 {line} {ROOT}", "")
    assert [(t.how, t.target, t.values, t.deep) for t in found] == expected
    assert {(t.time, t.who) for t in found} <= {(SECOND, "root on off2")}


def test_users_without_a_name_and_commands_that_were_timed() -> None:
    found = commands(
        "2026-11-28.13:55:00 (12ms) zfs set atime=on tank [user 1000 on off2:linux]",
        "2026-11-28.13:55:00 zfs set atime=on tank [user 1000 (off) on off2]",
    )
    assert [trace.who for trace in found] == ["user 1000 on off2", "off on off2"]


@pytest.mark.parametrize(
    "line",
    [
        f"2026-13-28.13:55:00 zfs set atime=on tank {ROOT}",
        f"2026-11-28 13:55:00 zfs set atime=on tank {ROOT}",
        f"2026-11-28.13:55:00 rm -rf tank {ROOT}",
        f"2026-11-28.13:55:00 [txg:5] set tank/off (54) atime=1 {ROOT}",
        "2026-11-28.13:55:00 zfs set atime=on tank",
        f"x2026-11-28.13:55:00 zfs set atime=on tank {ROOT}",
    ],
)
def test_no_command_is_made_of_anything_else(line: str) -> None:
    assert commands(line) == []


def test_a_value_cannot_say_who_set_it() -> None:
    """Only the end of the line does, which ZFS writes."""
    forged = "2026-11-28.13:55:00 zfs set a:b=[user 7 (eve) on evil:linux] atime=on tank " + ROOT
    assert {trace.who for trace in commands(forged)} == {"root on off2"}
