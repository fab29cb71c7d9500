"""`offctl status HOST`: what is not right there, what it holds, and what was done lately."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json

import pytest

from offctl import report as reports
from offctl.pools import PoolStatus
from offctl.report import (
    Counts,
    Difference,
    Event,
    Report,
    ResourceStatus,
    TunnelStatus,
    Unasked,
    Wait,
)
from offctl_cli import onehost, overview
from offctl_cli.fleet import HostDetail, HostStatus

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

RIGHT = HostStatus(
    host="off2",
    state="converged",
    code="",
    reason="",
    mode="enforce",
    serial=7,
    reported=NOW - timedelta(seconds=12),
    contacted=NOW - timedelta(seconds=3),
    freshness="fresh",
    resources=10,
    drift=0,
    pending_restarts=0,
    failed=0,
    blocked=0,
    unknown=0,
    orphans=0,
    unmanaged=0,
)
SILENT = replace(RIGHT, state="silent", reason="no report for 2 h")


def detail(**changes: object) -> HostDetail:
    report = Report(
        site="openfoodfacts",
        host="off2",
        stream="0" * 16,
        sequence=1,
        time=NOW,
        software="0.1.0",
        mode="enforce",
        serial=7,
        manifest_sha256="a" * 64,
        bundle_sha256="b" * 64,
        freshness="fresh",
        interval=60,
        seconds_milli=20,
        counts=Counts(resources=10),
    )
    return HostDetail(RIGHT, reports.dump(replace(report, **changes)))  # type: ignore[arg-type]


def test_a_host_shows_what_is_not_right_and_what_was_done(
    capsys: pytest.CaptureFixture[str],
) -> None:
    difference = Difference("atime", "on", "off")
    found = detail(
        resources=(
            ResourceStatus("dataset tank/a", "failed", "pool is full", True, (difference,)),
            ResourceStatus("dataset tank/old", "orphan", "left the text"),
        ),
        events=(
            Event("2026-03-01T11:59:00Z", "container 113 off", "start", "corrective", "done"),
            Event("2026-03-01T11:59:10Z", "dataset tank/a", "set", "wanted", "failed", "full"),
        ),
        notes=("ledger was damaged",),
        waits=(Wait("hold", "host off2", "2026-03-01T14:00:00Z", "restore", "release it"),),
    )
    onehost.print_host(found, NOW, everything=False)
    shown = capsys.readouterr().out
    assert "failed   dataset tank/a: pool is full  [somebody changed it]" in shown
    assert "atime: on → off" in shown
    assert "orphan  dataset tank/old" in shown
    assert "11:59:00 repaired container 113 off: start" in shown
    assert "FAILED: full" in shown
    assert "note: ledger was damaged" in shown
    assert "  hold on host off2 until 2026-03-01T14:00:00Z: restore\n" in shown
    assert "    to go on: release it\n" in shown


def test_what_others_changed_stands_apart_and_drives_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stop = Unasked(
        resource="container 113 off",
        field="run",
        observed="stopped",
        desired="running",
        since="2026-03-01T11:57:00Z",
        found="2026-03-01T11:58:00Z",
        time="2026-03-01T11:57:30Z",
        who="alice\u202e@pve",
        how="vzstop",
        untold="",
    )
    nobody = replace(stop, field="cores", time="", who="", how="", untold="PVE keeps no task of it")
    onehost.print_host(detail(unasked=(stop, nobody)), NOW, everything=False)
    shown = capsys.readouterr().out
    line = "  2026-03-01T11:58:00Z  container 113 off: run is stopped, was running; vzstop by alice"
    assert f"changed without being asked:\n{line}\\u202e@pve at 2026-03-01T11:57:30Z\n" in shown
    assert "cores is stopped, was running; by whom: PVE keeps no task of it\n" in shown


def test_many_alike_are_one_line_unless_all_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = tuple(ResourceStatus(f"dataset tank/{n}", "blocked", "not received") for n in range(30))
    onehost.print_host(detail(resources=many), NOW, everything=False)
    short = capsys.readouterr().out
    assert "30 resources: not received" in short
    assert "and 27 more" in short
    onehost.print_host(detail(resources=many), NOW, everything=True)
    assert capsys.readouterr().out.count("not received") == 30


def test_a_reason_cannot_forge_a_line_about_another_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = replace(RIGHT, state="failed", reason="boom\noff1: failed 3  (disk on fire)")
    assert "\n" not in overview.change(evil, None)
    onehost.print_host(HostDetail(evil, b""), NOW, everything=False)
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("off1") for line in lines)


def shown(found: HostDetail, capsys: pytest.CaptureFixture[str]) -> str:
    onehost.print_host(found, NOW, everything=False)
    return capsys.readouterr().out


POOL = PoolStatus("zfs-hdd", "ONLINE", 6 << 40, 4 << 40, "2026-03-01T11:00:00Z")
END = TunnelStatus(
    tunnel="mongo",
    role="client",
    container=113,
    instance="off",
    accept="127.0.0.1:27017",
    peer="off1",
    generation=1,
    state="broken",
    since="2026-03-01T09:00:00Z",
    reason="cannot connect",
)


@pytest.mark.parametrize(
    ("changes", "line", "status"),
    [
        (
            {"pools": (POOL,)},
            "  zfs-hdd: ONLINE, 60 % of 10.0 TiB used, 4.0 TiB free, snapshots changed 1 h ago\n",
            0,
        ),
        (
            {"pools": (replace(POOL, health="DEGRADED", snapshots=""),)},
            "zfs-hdd: DEGRADED, 60 % of 10.0 TiB used, 4.0 TiB free, no date of its snapshots\n",
            1,
        ),
        (
            {"pools": (PoolStatus("zfs-hdd", "SUSPENDED", 0, 0, ""),)},
            "zfs-hdd: SUSPENDED, how full is not known, no date of its snapshots\n",
            2,
        ),
        (
            {"tunnels": (END,)},
            "tunnel mongo: broken at the client end on off2: cannot connect for 3 h\n",
            2,
        ),
        ({"debts": ("container 113 protection=1",)}, "  owed: container 113 protection=1\n", 0),
    ],
)
def test_what_a_host_holds_is_shown_and_counts(
    changes: dict[str, object], line: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = detail(**changes)
    assert line in shown(found, capsys)
    assert onehost.exit_status(found, NOW) == status


def test_what_a_silent_host_said_of_its_pools_is_no_news() -> None:
    silent = replace(detail(pools=(replace(POOL, health="DEGRADED"),)), status=SILENT)
    assert onehost.troubles(silent, NOW) == []
    assert onehost.exit_status(silent, NOW) == 2


@pytest.mark.parametrize("state", ["silent", "duplicate", "retired"])
def test_a_host_that_is_not_heard_tells_of_no_trouble(state: str) -> None:
    found = detail(pools=(replace(POOL, health="DEGRADED"),), tunnels=(END,))
    assert len(onehost.troubles(found, NOW)) == 2
    assert onehost.troubles(replace(found, status=replace(RIGHT, state=state)), NOW) == []


def test_a_report_of_a_newer_agent_hides_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Its state is the coordinator's word, and that is known."""
    newer = json.dumps({**json.loads(detail().report), "wonder\x1b[2J": 1}).encode()
    found = HostDetail(replace(RIGHT, state="failed", reason="the pool is full"), newer)
    said = shown(found, capsys)
    assert said.startswith("off2: failed\n  the pool is full\n  last report 12 s ago")
    assert "  its report cannot be read here: unknown key 'wonder" in said
    assert "\x1b" not in said
    assert onehost.exit_status(found, NOW) == 2
    right = HostDetail(RIGHT, newer)
    assert onehost.exit_status(right, NOW) == 1
    value = onehost.host_json(right)
    assert value["report"] is None
    assert value["unreadable"].startswith("unknown key")
    assert onehost.essence(right) != onehost.essence(HostDetail(RIGHT, b""))


def test_watching_tells_changes_and_not_ages() -> None:
    before = onehost.essence(detail(pools=(POOL,)))
    assert onehost.essence(detail(pools=(replace(POOL, used=7 << 40),))) == before
    assert onehost.essence(detail(pools=(replace(POOL, health="DEGRADED"),))) != before
    assert onehost.essence(detail(debts=("container 113 protection=1",))) != before


def test_json_of_a_host() -> None:
    host = json.loads(json.dumps(onehost.host_json(detail(pools=(POOL,)))))
    assert host["schema"] == 1
    assert host["report"]["time"] == "2026-03-01T12:00:00Z"
    assert host["report"]["pools"][0]["snapshots"] == "2026-03-01T11:00:00Z"
    assert onehost.host_json(HostDetail(RIGHT, b""))["report"] is None
