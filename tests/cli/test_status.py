"""`offctl status`: what it prints and what it exits with, for people, pipes and programs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import subprocess
import sys

from click.testing import CliRunner
import pytest

from offctl import report as reports
from offctl.report import Counts, Difference, Event, Report, ResourceStatus, Unasked, Wait
from offctl_cli import overview
from offctl_cli.commands import status
from offctl_cli.fleet import HostDetail, HostList, HostStatus
from transport import fleet as fleets
from transport.fleet import Fleet, served

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


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("converged", "converged"), 0),
        (("converged", "behind"), 1),
        (("converged", "awaited"), 1),
        (("converged", "stale"), 1),
        (("converged", "unknown"), 1),
        (("blocked",), 1),
        (("drift", "silent"), 2),
        (("refused", "converged"), 2),
        (("failed",), 2),
        (("expired",), 2),
        (("a word of a newer version",), 1),
        ((), 1),
    ],
)
def test_the_worst_host_decides_the_exit_status(states: tuple[str, ...], expected: int) -> None:
    assert overview.exit_status(replace(RIGHT, state=state) for state in states) == expected


def printed(listing: HostList, capsys: pytest.CaptureFixture[str]) -> str:
    overview.print_listing(listing, NOW)
    return capsys.readouterr().out


def listing(*hosts: HostStatus) -> HostList:
    return HostList("openfoodfacts", 7, "a" * 64, NOW + timedelta(days=90), hosts)


def test_one_line_for_each_host_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    silent = replace(RIGHT, host="zz", state="silent", reason="no report for 2 h")
    lines = printed(listing(RIGHT, silent), capsys).splitlines()
    assert lines[0] == "site openfoodfacts: release 7 is current, expires 2026-05-30"
    assert [line.split()[:3] for line in lines[2:4]] == [
        ["zz", "silent", "7"],
        ["off2", "converged", "7"],
    ]
    assert "12 s ago" in lines[3]


def test_output_in_a_pipe_has_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(listing(RIGHT), capsys)


def test_text_from_a_host_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\x1b]0;pwned\x07[bold]gone\u202e"
    shown = printed(listing(replace(RIGHT, state="failed", reason=evil, code=evil)), capsys)
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "[bold]" in shown.replace("\n", "").replace(" ", "")


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
    overview.print_host(found, NOW, everything=False)
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
    overview.print_host(detail(unasked=(stop, nobody)), NOW, everything=False)
    shown = capsys.readouterr().out
    line = "  2026-03-01T11:58:00Z  container 113 off: run is stopped, was running; vzstop by alice"
    assert f"changed without being asked:\n{line}\\u202e@pve at 2026-03-01T11:57:30Z\n" in shown
    assert "cores is stopped, was running; by whom: PVE keeps no task of it\n" in shown


def test_many_alike_are_one_line_unless_all_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    many = tuple(ResourceStatus(f"dataset tank/{n}", "blocked", "not received") for n in range(30))
    overview.print_host(detail(resources=many), NOW, everything=False)
    short = capsys.readouterr().out
    assert "30 resources: not received" in short
    assert "and 27 more" in short
    overview.print_host(detail(resources=many), NOW, everything=True)
    assert capsys.readouterr().out.count("not received") == 30


def test_json_is_whole_and_dated() -> None:
    values = json.loads(json.dumps(overview.listing_json(listing(RIGHT))))
    assert values["serial"] == 7
    assert values["hosts"][0]["reported"] == "2026-03-01T11:59:48Z"
    host = json.loads(json.dumps(overview.host_json(detail())))
    assert host["report"]["time"] == "2026-03-01T12:00:00Z"
    assert overview.host_json(HostDetail(RIGHT, b""))["report"] is None


def configured(directory: Path, fleet: Fleet, address: str) -> Path:
    fleets.write_trust(directory / "trust.toml", fleet.root())
    (directory / "desk.crt").write_text(fleet.operator.certificate)
    (directory / "desk.key").write_bytes(fleet.operator.key)
    path = directory / "config.toml"
    path.write_text(
        f'[coordinator]\naddress = "{address}"\ntrust = "trust.toml"\n'
        'certificate = "desk.crt"\nkey = "desk.key"\n'
    )
    return path


def test_the_command_against_a_real_coordinator(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path) as running:
        config = configured(tmp_path, fleet, running.address)
        environment = {"OFFCTL_CONFIG": str(config)}
        nothing = CliRunner().invoke(status.command, [], env=environment)
    assert nothing.exit_code == 1
    assert "nothing has been published yet" in nothing.output
    with served(fleet, tmp_path, fleet.release(3, "off1", "off2")) as running:
        config = configured(tmp_path, fleet, running.address)
        awaited = CliRunner().invoke(status.command, ["--json"], env=environment)
        one = CliRunner().invoke(status.command, ["off1"], env=environment)
        waited = CliRunner().invoke(status.command, ["--wait", "1", "--json"], env=environment)
    assert awaited.exit_code == 1
    states = {host["host"]: host["state"] for host in json.loads(awaited.output)["hosts"]}
    assert states == {"off1": "awaited", "off2": "awaited"}
    assert "never reported" in one.output
    assert waited.exit_code == 1
    assert "off1: awaited 0" in waited.output


def test_a_host_and_watch_do_not_go_together(tmp_path: Path) -> None:
    result = CliRunner().invoke(status.command, ["off1", "--watch"])
    assert result.exit_code == 2
    assert "leave HOST out" in result.output


def test_an_unreachable_coordinator_is_exit_status_3(tmp_path: Path) -> None:
    config = configured(tmp_path, Fleet(), "127.0.0.1:1")
    done = subprocess.run(
        [Path(sys.executable).parent / "offctl", "status"],
        env={"OFFCTL_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_waiting_ends_only_on_the_newest_release() -> None:
    behind = replace(RIGHT, state="failed", serial=6)
    assert not overview.settled([RIGHT, behind], 7)
    assert overview.settled([RIGHT, replace(behind, serial=7)], 7)
    assert not overview.settled([replace(RIGHT, state="silent")], 7)
    assert overview.settled([replace(RIGHT, state="retired", serial=3)], 7)
    assert overview.settled([replace(RIGHT, state="drift", mode="audit")], 7)


def test_a_reason_cannot_forge_a_line_about_another_host(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = replace(RIGHT, state="failed", reason="boom\noff1: failed 3  (disk on fire)")
    assert "\n" not in overview.change(evil, None)
    overview.print_host(HostDetail(evil, b""), NOW, everything=False)
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith("off1") for line in lines)
