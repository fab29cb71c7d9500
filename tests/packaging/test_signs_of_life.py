"""The real programs under a service manager that listens: what they say, and when they say nothing.

The manager's side is a real notification socket; python3-systemd is a stand-in on the path.
"""

from collections.abc import Callable, Iterator
import contextlib
import json
import os
from pathlib import Path
import random
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import pytest

from courier.hosts import configure
from offctl import errors
from offctl.messages import Message
from offctl.service import Manager
from offctl_agent import config as configs
from offctl_agent import identity
from offctl_agent.agent import Agent, Ran, open_host, utc_now
from offctl_agent.daemon import Daemon
from transport import processes
from transport.fleet import Fleet

DEADLINE = 20.0
# What the manager waits for a sign of life, in seconds.
PATIENCE = 0.6
STAND_IN = Path(__file__).parent / "python3-systemd"


class Listening:
    """A service manager: the program it started, and what that has said so far."""

    def __init__(self, directory: Path, *argv: str) -> None:
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self.log = directory / "log"
        with self.log.open("wb") as log:
            found = os.fstat(log.fileno())
            environment = {
                **os.environ,
                "PYTHONPATH": str(STAND_IN),
                "NOTIFY_SOCKET": str(directory / "notify"),
                "WATCHDOG_USEC": str(int(PATIENCE * 1e6)),
                "JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}",
            }
            self.process = subprocess.Popen(
                [sys.executable, "-m", *argv], env=environment, stderr=log, stdout=log
            )

    def hear(self, state: str, count: int = 1) -> None:
        """Wait until `state` has been said `count` times from now on."""
        end = time.monotonic() + DEADLINE
        while count:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                said = self._socket.recv(4096).decode()
            except TimeoutError:
                pytest.fail(f"{state} was not said, but {self.said}; log: {self.log.read_text()}")
            self.said.append(said)
            count -= said.startswith(state)

    def hear_now(self) -> None:
        """Take what has been said; raises BlockingIOError once there is nothing more."""
        self._socket.setblocking(False)
        while True:
            self.said.append(self._socket.recv(4096).decode())

    def stopped(self) -> None:
        """Wait until the kernel has stopped the program."""
        stat = Path("/proc", str(self.process.pid), "stat")
        end = time.monotonic() + DEADLINE
        while stat.read_text().rpartition(")")[2].split()[0] != "T":
            assert time.monotonic() < end, "it is not stopped"
            time.sleep(0.01)

    def entries(self) -> list[dict[str, Any]]:
        """What the journal got."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self._socket.close()


@contextlib.contextmanager
def listening(directory: Path, *argv: str) -> Iterator[Listening]:
    program = Listening(directory, *argv)
    try:
        yield program
    finally:
        program.close()


def agent_program(directory: Path) -> tuple[str, ...]:
    """An agent without trust root: each of its runs ends with an error, and it goes on."""
    config = directory / "agent.toml"
    identity.make(config, host="off2", coordinators=(), simulated="host")
    return "offctl_agent", "run", "--config", str(config)


def courier_program(directory: Path) -> tuple[str, ...]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    configure(directory / "off2", Fleet(), "off2", address)
    return "offctl_courier", "run", "--config", str(directory / "off2" / "agent.toml")


def coordinator_program(directory: Path) -> tuple[str, ...]:
    config = processes.coordinator_directory(directory / "coordinator", Fleet())
    return "offctl_coordinator", "serve", "--config", str(config)


PROGRAMS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "agent": agent_program,
    "courier": courier_program,
    "coordinator": coordinator_program,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_ready_alive_reloaded_and_gone(name: str, tmp_path: Path) -> None:
    with listening(tmp_path, *PROGRAMS[name](tmp_path)) as program:
        program.hear("READY=1")
        assert not any(said.startswith("STOPPING") for said in program.said)
        # Idle is alive too.
        program.hear("WATCHDOG=1", 3)
        program.process.send_signal(signal.SIGHUP)
        program.hear("RELOADING=1\nMONOTONIC_USEC=")
        program.hear("READY=1")
        program.process.send_signal(signal.SIGTERM)
        program.hear("STOPPING=1")
        assert program.process.wait(5) == 0


def test_the_agent_logs_to_the_journal_with_fields(tmp_path: Path) -> None:
    with listening(tmp_path, *agent_program(tmp_path)) as program:
        program.hear("STATUS=cannot finish a run")
        (entry,) = program.entries()
    assert entry["SYSLOG_IDENTIFIER"] == "offctl-agent"
    assert entry["OFFCTL_CODE"]
    assert entry["MESSAGE_ID"] == Message.RUN_FAILED.value
    assert "trust.toml" in entry["MESSAGE"]


def test_a_broken_trust_root_is_not_taken_at_reload(tmp_path: Path) -> None:
    with listening(tmp_path, *courier_program(tmp_path)) as program:
        program.hear("READY=1")
        (tmp_path / "off2" / "trust.toml").write_text("broken")
        program.process.send_signal(signal.SIGHUP)
        program.hear("RELOADING=1")
        program.hear("READY=1")
        (entry,) = (e for e in program.entries() if "not reloaded" in e["MESSAGE"])
        assert (entry["MESSAGE_ID"], entry["OFFCTL_CODE"]) == (
            Message.NOT_RELOADED.value,
            "MALFORMED",
        )
        program.hear("WATCHDOG=1", 2)
        assert program.process.poll() is None


def test_the_courier_uses_the_copy_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = courier_program(tmp_path)
    key = tmp_path / "off2" / "host.key.pem"
    (tmp_path / "credentials").mkdir()
    key.rename(tmp_path / "credentials" / "host.key.pem")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with listening(tmp_path, *argv) as program:
        program.hear("READY=1")


def test_a_stopped_program_is_silent(tmp_path: Path) -> None:
    with listening(tmp_path, *agent_program(tmp_path)) as program:
        program.hear("WATCHDOG=1", 2)
        program.process.send_signal(signal.SIGSTOP)
        program.stopped()
        with pytest.raises(BlockingIOError):
            program.hear_now()
        time.sleep(PATIENCE)  # a running one would have been heard three times
        with pytest.raises(BlockingIOError):
            program.hear_now()


class Observed(Agent):
    """An agent whose run does nothing but ask whether to go on, and listens to its own signs."""

    said: list[str]
    heard: list[list[str]]

    def run(self, *, go_on: Callable[[], bool] = bool, **_: object) -> Ran:
        self.heard.append(list(self.said))
        for _step in range(2):
            go_on()
            self.heard.append(list(self.said))
        os.kill(os.getpid(), signal.SIGTERM)
        assert not go_on()
        raise errors.AdminError("cannot go on: told to stop")


def test_a_run_is_alive_once_for_each_step_and_not_by_itself(tmp_path: Path) -> None:
    agent_program(tmp_path)
    config = configs.load(tmp_path / "agent.toml")
    agent = Observed(config, open_host(config), utc_now)
    agent.said, agent.heard = [], []

    def notify(status: str) -> bool:
        agent.said.append(status.partition("\n")[0])
        return True

    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        Daemon(agent, random.Random(1), Manager(notify, 0.1)).serve()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    alive = [said.count("WATCHDOG=1") for said in agent.heard]
    assert alive == [1, 2, 3]
    assert agent.said[0] == "READY=1"
    assert agent.said[-1] == "STOPPING=1"
