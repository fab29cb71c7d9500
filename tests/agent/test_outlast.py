"""An agent that finds one before it hanging in the kernel: it waits, is alive, and says so once."""

from collections.abc import Iterator
from dataclasses import replace
import os
from pathlib import Path
import random
import signal

import pytest

from crash.room import Room
from offctl import errors
from offctl import report as reports
from offctl.service import Manager
from offctl_agent import config as configs
from offctl_agent import daemon as daemons
from offctl_agent import identity
from offctl_agent.agent import Agent, Ran, open_host, utc_now
from offctl_agent.daemon import Daemon


class Once(Agent):
    """An agent whose first run is its last."""

    ran: int
    hanging: list[str]

    def run(self, **_: object) -> Ran:
        self.ran += 1
        os.kill(os.getpid(), signal.SIGTERM)
        raise errors.AdminError("cannot go on: told to stop")

    def report_hanging(self, why: str) -> None:
        self.hanging.append(why)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Once]:
    path = tmp_path / "agent.toml"
    identity.make(path, host="off2", coordinators=(), simulated="host")
    config = replace(configs.load(path), interval=1)
    made = Once(config, open_host(config), utc_now)
    made.ran, made.hanging = 0, []
    monkeypatch.setattr(daemons, "OUTLAST_PAUSE", 0.1)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def serve(agent: Once, *found: tuple[int, ...], stop: bool = False) -> list[str]:
    """What the manager hears when the looks for predecessors find these, then nobody."""
    said: list[str] = []
    looks = list(found)

    def hanging() -> tuple[int, ...]:
        # They hold the lock, or the disk does: it may not be asked for before they are gone.
        assert not (agent.config.agent_state / "agent.lock").exists()
        if looks:
            return looks.pop(0)
        if stop:
            os.kill(os.getpid(), signal.SIGTERM)
            return found[-1]
        return ()

    def notify(status: str) -> bool:
        said.append(status)
        return True

    Daemon(agent, random.Random(1), Manager(notify, 0.05), hanging).serve()
    return said


def test_it_waits_alive_and_says_for_whom_and_then_goes_on(agent: Once) -> None:
    said = serve(agent, (7,), (7,), (7,))
    assert said[0] == "READY=1"
    told = "an agent before this one was killed and hangs in the kernel (process 7)"
    assert said.count(f"STATUS={told}; waiting for it to end") == 1
    assert said.count("WATCHDOG=1") >= 6
    assert agent.hanging == [told]
    assert agent.ran == 1


def test_where_two_hang_the_third_reports_nothing(agent: Once) -> None:
    said = serve(agent, (7, 8), (7, 8))
    assert any("(process 7, 8)" in text for text in said)
    assert agent.hanging == []
    assert agent.ran == 1


def test_nobody_there_costs_nothing(agent: Once) -> None:
    said = serve(agent)
    assert not any("hangs" in text for text in said)
    assert agent.ran == 1


def test_it_stops_when_asked_to_while_it_waits(agent: Once) -> None:
    serve(agent, (7,), stop=True)
    assert agent.ran == 0
    assert not (agent.config.agent_state / "agent.lock").exists()


def test_the_report_says_it_and_changes_nothing(tmp_path: Path) -> None:
    room = Room.make(tmp_path / "room")
    agent = room.agent()
    machine = tree(room.directory / "machine")
    kept = tree(agent.config.agent_state)
    agent.report_hanging("an agent before this one hangs")
    _, content = max(agent.outbox.after(0))
    found = reports.parse(content)
    assert "an agent before this one hangs" in content.decode()
    assert found.counts.failed == 1
    assert tree(room.directory / "machine") == machine
    changed = {name for name, now in tree(agent.config.agent_state).items() if kept[name] != now}
    # The number of the report, and nothing that was believed or remembered.
    assert changed == {"stream"}


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()
    }
