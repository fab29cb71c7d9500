"""How programs end: one table of exit statuses, Ctrl-C, and what is shown on a terminal only."""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest

from manners.commands import Called, leaves
from offctl import progress
import offctl_agent.__main__
import offctl_cli.__main__
import offctl_coordinator.__main__
import offctl_courier.__main__
from transport.fleet import Fleet, served
from transport.test_operator_commands import configure
from unitfiles import ROOT

TABLE = ROOT / "docs" / "cli.md"
LEAVES = leaves()
MAINS = {
    "offctl": offctl_cli.__main__.main,
    "offctl-agent": offctl_agent.__main__.main,
    "offctl-courier": offctl_courier.__main__.main,
    "offctl-coordinator": offctl_coordinator.__main__.main,
}
# Seconds; a machine with other work starts an interpreter slowly.
PATIENCE = 60.0
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")


def name(each: Called) -> str:
    return each.name


def rows() -> dict[str, list[str]]:
    """The table of exit statuses: command and what 0, 1, 2 and 3 mean for it."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    table = [line.split("|")[1:-1] for line in lines if line.startswith("| `offctl")]
    return {
        command.strip(): [cell.strip() for cell in cells]
        for first, *cells in table
        for command in re.findall(r"`([^`]+)`", first)
    }


def test_every_command_is_in_the_one_table_and_no_other() -> None:
    assert sorted(rows()) == sorted(each.name for each in LEAVES)
    assert all(len(cells) == 4 for cells in rows().values())


@pytest.mark.parametrize("each", LEAVES, ids=name)
def test_a_wrong_option_ends_as_the_table_says(
    each: Called, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error is 2; for what compares, where 2 says that something was found, it is 1."""
    monkeypatch.setattr(sys, "argv", [*each.words, "--no-such-option"])
    with pytest.raises(SystemExit) as ended:
        MAINS[each.program]()
    said = capsys.readouterr()
    assert "No such option" in said.err
    assert said.out == ""
    cells = rows()[each.name]
    assert isinstance(ended.value.code, int)
    assert "error" in cells[ended.value.code]
    assert sum("error" in cell for cell in cells) == 1


@dataclass(frozen=True)
class Deaf:
    """A coordinator that takes connections and never says a word."""

    listener: socket.socket
    env: dict[str, str]

    def met(self) -> socket.socket:
        """The next connection of a program, once it has started and asks."""
        self.listener.settimeout(PATIENCE)
        return self.listener.accept()[0]


@contextlib.contextmanager
def deaf(tmp_path: Path) -> Iterator[Deaf]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = configure(tmp_path, Fleet(), f"127.0.0.1:{listener.getsockname()[1]}")
        yield Deaf(listener, {**os.environ, "OFFCTL_CONFIG": str(config)})


def test_ctrl_c_says_what_to_know_and_ends_with_130(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "offctl_cli", "tunnels"]
    with (
        deaf(tmp_path) as there,
        subprocess.Popen(words, env=there.env, stderr=subprocess.PIPE, text=True) as running,
        there.met(),
    ):
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert said.split("\n")[-2] == "offctl: stopped; it only asks, and has changed nothing"
    assert "Traceback" not in said


def test_every_command_has_something_to_know_after_ctrl_c() -> None:
    from offctl_agent.examples import STOPPED as AGENT
    from offctl_cli.examples import STOPPED as CLI
    from offctl_coordinator.examples import STOPPED as COORDINATOR

    services = {"offctl-agent run", "offctl-courier run", "offctl-coordinator serve"}
    told = {f"offctl {word}" for word in CLI} | {f"offctl-agent {word}" for word in AGENT}
    told |= {f"offctl-coordinator {word}" for word in COORDINATOR}
    assert {each.name for each in LEAVES} - services <= told


def on_terminal(words: list[str], env: dict[str, str], wanted: bytes = b"") -> bytes:
    """What a command shows on a terminal: all of it, or until that is there."""
    master, slave = pty.openpty()
    shown = bytearray()
    with subprocess.Popen(words, env=env, stdout=slave, stderr=slave) as running:
        os.close(slave)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not (wanted and re.search(wanted, shown)):
            if select.select([master], [], [], 0.2)[0]:
                try:
                    piece = os.read(master, 4096)
                except OSError:
                    break
                shown += piece
            elif running.poll() is not None:
                break
        running.kill()
    os.close(master)
    return bytes(shown)


@pytest.mark.parametrize(
    ("terminal", "colourless", "coloured"),
    [(True, False, True), (True, True, False), (False, False, False)],
)
def test_colour_is_for_terminals_of_those_who_want_it(
    terminal: bool, colourless: bool, coloured: bool, tmp_path: Path
) -> None:
    fleet = Fleet()
    with served(fleet, tmp_path, fleet.release(1, "off2")) as running:
        config = configure(tmp_path, fleet, running.address)
        env = {**os.environ, "OFFCTL_CONFIG": str(config), "TERM": "xterm-256color"}
        env.pop("NO_COLOR", None)
        env |= {"NO_COLOR": "1"} if colourless else {}
        words = [sys.executable, "-m", "offctl_cli", "status"]
        if terminal:
            shown = on_terminal(words, env)
        else:
            shown = subprocess.run(words, env=env, capture_output=True, check=False).stdout
    assert b"off2" in shown
    styles = {part for each in COLOUR.findall(shown) for part in each[2:-1].split(b";")}
    hues = {part for part in styles if part.isdigit() and 30 <= int(part) <= 107}
    assert bool(hues) == coloured, shown


def test_what_takes_long_shows_on_a_terminal_that_it_goes_on_and_nothing_elsewhere(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-m", "offctl_cli", "history"]
    waiting = rb"\r\x1b\[Kwaiting for the coordinator at 127\.0\.0\.1:[0-9]+: [1-9] s"
    with deaf(tmp_path) as there:
        there.env["TERM"] = "xterm"
        assert re.search(waiting, on_terminal(words, there.env, waiting))
        there.met().close()
        with subprocess.Popen(words, env=there.env, stderr=subprocess.PIPE) as running:
            with there.met():
                time.sleep(3 * progress.AFTER)
            running.kill()
            assert running.communicate()[1] == b""
