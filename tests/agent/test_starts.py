"""An agent that does not get through a run waits longer each time before it tries again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
import os
from pathlib import Path
import random
import signal
import threading
import time

import pytest

from offctl import errors
from offctl.service import NOBODY, Manager
from offctl_agent import config as configs
from offctl_agent import identity, mailbox
from offctl_agent.agent import Agent, Ran, open_host, utc_now
from offctl_agent.daemon import JITTER, Daemon
from offctl_agent.starts import Starts, pause

INTERVAL = 1


@pytest.mark.parametrize(
    ("unended", "intervals"),
    [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (1000, 8), (10**9, 8)],
)
def test_one_is_excused_and_then_the_wait_doubles_up_to_an_end(
    unended: int, intervals: int
) -> None:
    assert pause(unended, 60) == intervals * 60


def test_starts_are_counted_until_a_run_ends(tmp_path: Path) -> None:
    file = tmp_path / "unended"
    assert [Starts(file).begin() for _ in range(3)] == [0, 1, 2]
    last = Starts(file)
    assert last.begin() == 3
    last.ended()
    last.ended()
    assert Starts(file).begin() == 0


@pytest.mark.parametrize("content", [b"", b"many", b"-3", b"7\n", b"9" * 400, "\u0663".encode()])
def test_what_is_no_number_counts_as_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "unended"
    file.write_bytes(content)
    assert Starts(file).begin() == 0


def test_a_count_that_cannot_be_kept_is_no_reason_to_stay_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    starts = Starts(tmp_path / "file" / "unended")
    assert starts.begin() == 0
    starts.ended()


def test_ending_without_having_begun_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "unended"
    Starts(file).begin()
    Starts(file).ended()
    assert Starts(file).begin() == 1


class Once(Agent):
    """An agent whose first run notes when it was and whether the start was counted, and is all."""

    ran: list[tuple[float, bool]]

    def run(self, **_: object) -> Ran:
        self.ran.append((time.monotonic(), (self.config.agent_state / "unended").exists()))
        os.kill(os.getpid(), signal.SIGTERM)
        raise errors.AdminError("cannot go on: told to stop")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Once]:
    path = tmp_path / "agent.toml"
    identity.make(path, host="off2", coordinators=(), simulated="host")
    config = replace(configs.load(path), interval=INTERVAL)
    made = Once(config, open_host(config), utc_now)
    made.ran = []
    made.prepare()
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def serve(agent: Once, starts: int, then: Callable[[], None] = lambda: None) -> float:
    """Seconds from start to first run, after `starts` that did not end one."""
    for _ in range(starts):
        Starts(agent.config.agent_state / "unended").begin()
    begun = time.monotonic()
    Daemon(agent, random.Random(1), NOBODY).serve(then)
    return agent.ran[0][0] - begun if agent.ran else -1.0


def test_the_first_run_is_at_once_and_the_start_counted_until_it_ends(agent: Once) -> None:
    assert serve(agent, 1) < INTERVAL / 2
    assert [counted for _, counted in agent.ran] == [True]
    assert not (agent.config.agent_state / "unended").exists()


def test_after_two_the_first_run_waits_whoever_rings(agent: Once) -> None:
    def rings() -> None:
        mailbox.ring(mailbox.agent_bell(agent.config.runtime))

    assert serve(agent, 2, rings) >= INTERVAL * (1 - JITTER)


def test_a_reload_makes_it_now(agent: Once) -> None:
    assert serve(agent, 5, lambda: os.kill(os.getpid(), signal.SIGHUP)) < INTERVAL


def test_it_stops_at_once_while_it_waits_and_starts_afresh(agent: Once) -> None:
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert serve(agent, 5, timer.start) == -1.0
    timer.join()
    assert Starts(agent.config.agent_state / "unended").begin() == 0


def test_it_says_that_it_waits_and_is_alive_meanwhile(agent: Once) -> None:
    said: list[str] = []

    def notify(status: str) -> bool:
        said.append(status)
        return True

    for _ in range(2):
        Starts(agent.config.agent_state / "unended").begin()
    Daemon(agent, random.Random(1), Manager(notify, 0.1)).serve()
    until_the_run = said[: said.index("STATUS=cannot finish a run: cannot go on: told to stop")]
    assert until_the_run[0] == "READY=1"
    assert any("the last 2 starts did not end a run" in state for state in until_the_run)
    assert until_the_run.count("WATCHDOG=1") >= 4
