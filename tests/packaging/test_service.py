"""The door to the service manager, alone: what is told to whom, and what a log line may hold."""

import logging
import math
import os
from pathlib import Path
import sys
from types import ModuleType

import pytest

from offctl import service

STAND_IN = Path(__file__).parent / "python3-systemd"


class Told:
    """A `systemd.daemon` that remembers."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def notify(self, status: str) -> bool:
        self.states.append(status)
        return True


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    told = Told()
    module = ModuleType("systemd.daemon")
    module.__dict__["notify"] = told.notify
    monkeypatch.setitem(sys.modules, "systemd", ModuleType("systemd"))
    monkeypatch.setitem(sys.modules, "systemd.daemon", module)
    return told


def test_systemd_is_told_in_its_own_words(told: Told) -> None:
    manager = service.manager({"NOTIFY_SOCKET": "/run/notify"})
    manager.ready()
    manager.alive()
    manager.reloading()
    manager.status("release 7")
    manager.stopping()
    assert told.states[:2] == ["READY=1", "WATCHDOG=1"]
    assert told.states[2].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert told.states[3:] == ["STATUS=release 7", "STOPPING=1"]


def test_nobody_is_told_when_systemd_did_not_start_us(told: Told) -> None:
    manager = service.manager({"WATCHDOG_USEC": "1000000"})
    manager.ready()
    assert told.states == []
    assert manager.interval == math.inf


def test_without_python3_systemd_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    assert service.manager({"NOTIFY_SOCKET": "/run/notify"}) is service.NOBODY


def test_a_status_cannot_smuggle_in_another_message(told: Told) -> None:
    service.manager({"NOTIFY_SOCKET": "x"}).status("bad\nWATCHDOG=trigger")
    assert told.states == ["STATUS=bad\\x0aWATCHDOG=trigger"]


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({"WATCHDOG_USEC": "90000000"}, 30.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"}, math.inf),
        ({"WATCHDOG_USEC": "0"}, math.inf),
        ({"WATCHDOG_USEC": "-5"}, math.inf),
        ({"WATCHDOG_USEC": "soon"}, math.inf),
        ({}, math.inf),
    ],
)
def test_signs_of_life_come_three_times_as_often_as_asked(
    told: Told, environment: dict[str, str], interval: float
) -> None:
    found = service.manager({"NOTIFY_SOCKET": "x", **environment}).interval
    assert found == pytest.approx(interval)


def test_a_secret_is_read_from_the_copy_that_was_made_for_us(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "host.key.pem"
    assert service.credential(path, {}) == path
    there = {"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    assert service.credential(path, there) == path
    copy = tmp_path / "credentials" / "host.key.pem"
    copy.parent.mkdir()
    copy.write_text("secret")
    assert service.credential(path, there) == copy
    assert service.credential(tmp_path / "other.pem", there) == tmp_path / "other.pem"


def test_the_directory_that_was_made_for_us_is_used(tmp_path: Path) -> None:
    assert service.runtime({"RUNTIME_DIRECTORY": str(tmp_path)}) == tmp_path
    assert service.runtime({}) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("as it is: ü → ✓\tand tabs", "as it is: ü → ✓\tand tabs"),
        ("two\nlines\r\n", "two\\x0alines\\x0d\\x0a"),
        ("\x1b[2Jclear", "\\x1b[2Jclear"),
        ("nul\0del\x7f", "nul\\x00del\\x7f"),
        ("\x9b31m", "\\x9b31m"),
        ("next\u2028line\u2029", "next\\u2028line\\u2029"),
        ("right\u202eleft", "right\\u202eleft"),
        ("next\x85line", "next\\x85line"),
    ],
)
def test_a_line_stays_a_line(text: str, line: str) -> None:
    assert service.one_line(text) == line


def test_a_long_line_is_cut_and_says_so() -> None:
    line = service.one_line("x" * 1_000_000)
    assert len(line) < service.MAX_LINE + 40
    assert line.endswith("… (1000000 characters)")


def test_what_others_sent_is_escaped_in_the_log() -> None:
    record = logging.LogRecord("n", logging.INFO, "f", 1, "refused: %s", ("a\nERROR b",), None)
    assert service.OneLine("%(message)s").format(record) == "refused: a\\x0aERROR b"
