"""`offctl events` and `offctl history HOST`: a line for each event, harmless for a terminal."""

from dataclasses import replace
from datetime import UTC, datetime
import json
import os
from pathlib import Path
import select
import signal
import subprocess
import sys

from click.testing import CliRunner, Result
import pytest

from cli.test_status import configured
from offctl import errors
from offctl import report as reports
from offctl_cli import happened
from offctl_cli.commands import events, history
from offctl_cli.fleet import Change, Event, HistoryEntry
from transport.fleet import Fleet, Running, served

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
ATIME = Change("atime", "on", "off")
ACTION = Event(
    number=4,
    received=NOON,
    time="2026-01-02T11:59:00Z",
    kind="action",
    host="off2",
    who="",
    serial=7,
    resource="dataset tank/a",
    action="set properties",
    origin="corrective",
    outcome="done",
    detail="",
    milliseconds=1234,
    changes=(ATIME,),
)
UNASKED = replace(
    ACTION,
    kind="unasked",
    resource="container 113 off",
    action="vzstop",
    origin="",
    outcome="",
    who="alice@pve",
    milliseconds=0,
    changes=(Change("run", "running", "stopped"),),
)
PUBLISH = replace(
    ACTION, kind="publish", host="", who="desk", action="published release 7 for 2 hosts",
    resource="", origin="", outcome="", milliseconds=0, changes=(),
)  # fmt: skip
FAILED = replace(ACTION, outcome="failed", origin="wanted", detail="pool is full")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (ACTION, "off2: repaired dataset tank/a: set properties (atime: on → off) in 1.2 s"),
        (replace(ACTION, origin="wanted"), "off2: changed dataset tank/a: set properties"),
        (replace(ACTION, milliseconds=0), "set properties (atime: on → off)"),
        (
            FAILED,
            "off2: FAILED to change dataset tank/a: set properties (atime: on → off) in 1.2 s: "
            "pool is full",
        ),
        (replace(FAILED, origin="corrective"), "off2: FAILED to repair dataset tank/a"),
        (replace(ACTION, changes=(ATIME,) * 5), "atime: on → off and 2 more) in 1.2 s"),
        (
            UNASKED,
            "off2: alice@pve (vzstop) changed container 113 off, unasked (run: running → stopped)",
        ),
        (
            replace(UNASKED, who="", action="", detail="PVE keeps no task of it"),
            "off2: somebody changed container 113 off, unasked (run: running → stopped); by whom: "
            "PVE keeps no task of it",
        ),
        (PUBLISH, "2026-01-02T11:59:00Z  desk published release 7 for 2 hosts"),
        (
            replace(PUBLISH, kind="rollout", action="pause at wave 1: the fair"),
            "rollout of release 7: pause at wave 1: the fair, by desk",
        ),
        (
            replace(PUBLISH, kind="rollout", who="", action="halted: off1: disk"),
            "rollout of release 7: halted: off1: disk",
        ),
        (replace(PUBLISH, kind="a newer word", who=""), "  published release 7 for 2 hosts"),
    ],
)
def test_one_line_says_it_all(event: Event, line: str) -> None:
    assert line in happened.line(event)


def test_text_from_a_host_cannot_drive_the_terminal() -> None:
    evil = "\x1b[2J\x07\u202e\nforged"
    bad = Change(evil, evil, evil)
    for kind in ("action", "unasked", "publish", "rollout", evil):
        for outcome in ("done", "failed"):
            told = Event(
                *(1, NOON, evil, kind, evil, evil, 1, evil, evil, evil, outcome, evil, 1), (bad,)
            )
            lines = [happened.line(told), *happened.host_lines((told,), ())]
            assert not {"\x1b", "\x07", "\u202e", "\n"} & set("".join(lines))


def test_a_host_is_told_of_under_its_releases_newest_first_and_the_same_again_once() -> None:
    again = [replace(FAILED, number=9 - n, time=f"2026-01-02T12:0{9 - n}:00Z") for n in range(4)]
    older = replace(ACTION, serial=6)
    entry = HistoryEntry(7, "a" * 64, NOON, "desk", 2)
    assert list(happened.host_lines((*again, UNASKED, older), (entry,))) == [
        "release 7, published 2026-01-02T12:00:00Z by desk",
        "  2026-01-02T12:09:00Z  FAILED to change dataset tank/a: set properties in 1.2 s: "
        "pool is full  (4 times since 2026-01-02T12:06:00Z)",
        "      atime: on → off",
        "  2026-01-02T11:59:00Z  alice@pve (vzstop) changed container 113 off, unasked",
        "      run: running → stopped",
        "release 6",
        "  2026-01-02T11:59:00Z  repaired dataset tank/a: set properties in 1.2 s",
        "      atime: on → off",
    ]


def offctl(command: object, config: Path, *words: str) -> Result:
    environment = {"OFFCTL_CONFIG": str(config)}
    result = CliRunner().invoke(command, words, env=environment)  # type: ignore[arg-type]
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def tell(running: Running, fleet: Fleet, sequence: int, *minutes: int) -> None:
    told = tuple(
        reports.Event(
            *(f"2026-01-02T12:{minute:02}:00Z", "dataset tank/a", "set properties", "wanted"),
            "done",
            differences=(reports.Difference("atime", "on", "off"),),
            milliseconds=500,
            serial=7,
        )
        for minute in minutes
    )
    running.do(running.coordinator.report("off1", fleet.report("off1", sequence, events=told)))


def test_events_and_history_of_a_real_coordinator(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(7, "off1", "off2")) as running:
        config = configured(tmp_path, fleet, running.address)
        tell(running, fleet, 1, 1, 2)
        every = offctl(events.command, config).output.splitlines()
        assert [line[22:] for line in every] == [
            "desk published release 7 for 2 hosts",
            "off1: changed dataset tank/a: set properties (atime: on → off) in 0.5 s",
            "off1: changed dataset tank/a: set properties (atime: on → off) in 0.5 s",
        ]
        last = offctl(events.command, config, "off1", "--limit", "1", "--json")
        (value,) = [json.loads(line) for line in last.output.splitlines()]
        assert (value["schema"], value["host"], value["time"]) == (
            1,
            "off1",
            "2026-01-02T12:02:00Z",
        )
        assert value["changes"] == [{"field": "atime", "before": "on", "after": "off"}]
        told = offctl(history.command, config, "off1").output.splitlines()
        assert told[0].startswith("release 7, published 2")
        assert "12:02:00Z  changed dataset tank/a" in told[1]
        assert "(2 times since 2026-01-02T12:01:00Z)" in told[1]
        assert [len(json.loads(offctl(history.command, config, host, "--json").output))
                for host in ("off1", "off2")] == [2, 0]  # fmt: skip
        assert "off2 has not changed anything yet" in offctl(history.command, config, "off2").output
        with pytest.raises(errors.NotFoundError):
            offctl(history.command, config, "off3")


def test_following_goes_on_until_it_is_ended(tmp_path: Path) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(7, "off1")) as running:
        config = configured(tmp_path, fleet, running.address)
        following = subprocess.Popen(
            [Path(sys.executable).parent / "offctl", "events", "-f"],
            env={**os.environ, "OFFCTL_CONFIG": str(config)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert following.stdout is not None
        assert "published release 7" in following.stdout.readline()
        for minute in (1, 2):
            tell(running, fleet, minute, *range(1, minute + 1))
            assert f"12:0{minute}:00Z  off1: changed" in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 0
        assert following.stdout.read() == ""
        following.stdout.close()


def test_following_goes_on_at_another_coordinator(tmp_path: Path) -> None:
    fleet = Fleet()
    places = tmp_path / "one", tmp_path / "two"
    for place in places:
        place.mkdir()
    with served(fleet, places[1], fleet.release(7, "off1")) as two:
        with served(fleet, places[0], fleet.release(7, "off1")) as one:
            config = configured(tmp_path, fleet, one.address)
            both = f'addresses = ["{one.address}", "{two.address}"]'
            text = config.read_text()
            config.write_text(text.replace(f'address = "{one.address}"', both))
            following = subprocess.Popen(
                [Path(sys.executable).parent / "offctl", "events", "-f"],
                env={**os.environ, "OFFCTL_CONFIG": str(config)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert following.stdout is not None
            assert "published release 7" in following.stdout.readline()
        try:
            tell(two, fleet, 1, 1)
            found = select.select([following.stdout], [], [], 20)[0]
            line = following.stdout.readline() if found else "none came"
        finally:
            following.send_signal(signal.SIGINT)
            out, err = following.communicate(timeout=20)
    assert "12:01:00Z  off1: changed" in line, err
    assert (out, err.count("trying again")) == ("", 1), err
