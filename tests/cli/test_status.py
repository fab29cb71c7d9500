"""`offctl status`: what it prints and what it exits with, for people, pipes and programs."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
import subprocess
import sys

from click.testing import CliRunner
import pytest

from offctl_cli import overview
from offctl_cli.commands import status
from offctl_cli.fleet import Concern, HostStatus, Overview, Progress
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


def site(*hosts: HostStatus, **changes: object) -> Overview:
    found = Overview(
        site="openfoodfacts",
        serial=7,
        manifest_sha256="a" * 64,
        expires=NOW + timedelta(days=90),
        published=NOW - timedelta(hours=2),
        operator="desk",
        states=tuple(Counter(host.state for host in hosts).items()),
        hosts=hosts,
        hosts_left_out=0,
        concerns=(),
        concerns_left_out=0,
        rollout=None,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def printed(
    found: Overview, capsys: pytest.CaptureFixture[str], *, everything: bool = False
) -> str:
    overview.print_overview(found, NOW, everything=everything)
    return capsys.readouterr().out


SILENT = replace(RIGHT, host="zz", state="silent", reason="no report for 2 h")
POOL = Concern("attention", "pool", "off2", "zfs-hdd", "91 % full, 1.0 TiB free", "", "")
FREEZE = Concern("note", "freeze", "off3", "host off3", "a new disk", "", "2026-03-01T14:00:00Z")
TUNNEL = Concern("broken", "tunnel", "off2", "mongo", "down", "2026-03-01T09:00:00Z", "")
PROGRESS = Progress(1, (1, 2), "", "", waiting=3, awaited=("off2",), awaited_hosts=1)


def test_what_is_well_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(replace(site(RIGHT), hosts=(), states=(("converged", 40),)), capsys)
    assert shown == (
        "openfoodfacts: release 7, published 2 h ago by desk, expires 2026-05-30\n"
        "all 40 hosts are as it says\n"
    )


def test_what_is_not_right_stands_first_and_the_rest_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    states = (("silent", 1), ("converged", 39))
    lines = printed(site(SILENT, states=states, concerns=(TUNNEL, FREEZE)), capsys).splitlines()
    assert lines[1] == "40 hosts: 1 silent, 39 converged"
    told = [line.split() for line in lines]
    assert ["zz", "silent", "12", "s", "ago", "no", "report", "for", "2", "h"] in told
    assert ["off2", "broken", "tunnel", "mongo", "down", "(for", "3", "h)"] in told
    assert "a new disk, until 2026-03-01T14:00:00Z" in lines[-3]
    assert lines[-1] == "more about one host: `offctl status zz`"


def test_hosts_with_the_same_trouble_are_one_line_unless_all_are_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hosts = tuple(replace(SILENT, host=f"off{n}", reason=f"no report for {n} h") for n in range(9))
    assert "off0 and 8 more" in printed(site(*hosts), capsys)
    assert printed(site(*hosts), capsys).count("no report") == 1
    assert printed(site(*hosts), capsys, everything=True).count("no report") == 9


def test_a_screen_holds_a_screen_and_says_what_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hosts = tuple(
        replace(SILENT, host=f"off{n}", state="failed", reason=f"disk {n}") for n in range(50)
    )
    concerns = tuple(replace(POOL, subject=f"pool{n}") for n in range(30))
    found = site(*hosts, hosts_left_out=100, concerns=concerns, concerns_left_out=5)
    shown = printed(found, capsys)
    assert "and 130 more hosts that are not right: `offctl status --all`" in shown
    assert "and 15 more like these: `offctl status --all`" in shown
    assert len(shown.splitlines()) < 60


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (PROGRESS, "wave 1 of 1, 2 has its turn; 3 hosts wait for theirs, until off2 has been"),
        (replace(PROGRESS, waiting=0), ""),
        (replace(PROGRESS, waiting=1), "1 host waits for theirs"),
        (replace(PROGRESS, awaited_hosts=9), "until off2 and 8 more have been right"),
        (replace(PROGRESS, halted="off2: disk"), "! rollout halted: off2: disk"),
        (replace(PROGRESS, paused="by desk: fair"), "! rollout paused by desk: fair"),
    ],
)
def test_the_rollout_is_told_while_it_goes_on(
    progress: Progress, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(site(RIGHT, rollout=progress), capsys)
    assert line in shown
    assert ("wave" in shown) == bool(progress.waiting)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 0),
        ({"concerns": (FREEZE,)}, 0),
        ({"concerns": (POOL, FREEZE)}, 1),
        ({"concerns": (TUNNEL, POOL)}, 2),
        ({"concerns": (replace(POOL, grade="a word of a newer version"),)}, 1),
        ({"expires": NOW + timedelta(days=6)}, 1),
        ({"states": (("silent", 1), ("converged", 9))}, 2),
        ({"states": ()}, 1),
    ],
)
def test_everything_that_is_not_right_counts_for_the_exit_status(
    changes: dict[str, object], status: int
) -> None:
    assert overview.exit_status_of(site(RIGHT, **changes), NOW) == status


@pytest.mark.parametrize(
    ("left", "line"), [(6, "! it expires in 6 d"), (-1, "! it has expired"), (30, "")]
)
def test_a_release_that_expires_soon_says_so(
    left: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(site(RIGHT, expires=NOW + timedelta(days=left)), capsys)
    assert line in shown
    assert ("publish it anew" in shown) == bool(line)


def test_watching_tells_changes_and_not_ages() -> None:
    before = overview.essence(site(RIGHT, SILENT))
    later = replace(SILENT, reason="no report for 3 h")
    assert overview.essence(site(replace(RIGHT, reported=NOW), later)) == before
    assert overview.essence(site(RIGHT, SILENT, concerns=(POOL,))) != before
    assert overview.essence(site(RIGHT)) != before


def test_lines_fold_at_the_width_of_the_screen(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    long = replace(SILENT, reason="no report " * 20)
    progress = replace(PROGRESS, halted="off2: " + "disk " * 40)
    shown = printed(site(long, concerns=(TUNNEL,), rollout=progress), capsys)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80


def test_output_in_a_pipe_has_no_escape_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\x1b" not in printed(site(SILENT, concerns=(TUNNEL,)), capsys)


def test_text_from_a_host_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b[2J\x1b]0;pwned\x07[bold]gone\u202e"
    host = replace(RIGHT, state="failed", reason=evil, code=evil)
    concern = Concern("broken", evil, evil, evil, evil, evil, evil)
    progress = replace(PROGRESS, halted=evil, paused=evil)
    shown = printed(site(host, concerns=(concern,), rollout=progress, operator=evil), capsys)
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "[bold]" in shown.replace("\n", "").replace(" ", "")


def test_json_is_whole_and_dated() -> None:
    found = site(RIGHT, concerns=(TUNNEL,), rollout=PROGRESS)
    values = json.loads(json.dumps(overview.overview_json(found)))
    assert values["serial"] == 7
    assert values["published"] == "2026-03-01T10:00:00Z"
    assert values["states"] == {"converged": 1}
    assert values["hosts"][0]["reported"] == "2026-03-01T11:59:48Z"
    assert values["concerns"][0]["subject"] == "mongo"
    assert values["rollout"]["waves"] == [1, 2]


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["off1", "--wait", "3"], "leave HOST out"),
        (["off1", "containers/off", "--watch"], "leave RESOURCE out"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], said: str) -> None:
    result = CliRunner().invoke(status.command, words)
    assert result.exit_code == 2
    assert said in result.output


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
