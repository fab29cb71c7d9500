"""Two months alone, and clocks that are ten years wrong: nothing is done, nothing is forgotten."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
import os
from pathlib import Path

import pytest

from agent.scenario import FULL
from offctl import status
from offctl.desired.model import DesiredState, MaxDelta
from offctl.status import Current, State
from offctl.trust import root as roots
from offctl.trust import timestamp
from offctl.trust.timestamp import Timestamp
from offctl_agent import config as configs
from offctl_agent.agent import Agent, Ran
from offctl_agent.holds import Hold
from offctl_agent.mailbox import Inbox
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.floors import PoolFloors
from offctl_agent.simulated.host import SimulatedHost
from planner import case
from transport.fleet import SITE, Fleet

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
DAY = timedelta(days=1)
DECADE = timedelta(days=3653)
CHANGED = FULL.replace('cores = "8"', 'cores = "4"').replace('cores = "2"', 'cores = "3"')
PRECIOUS = "what users wrote\n"


class Island:
    """A host with its agent, whose clock a test sets; the coordinator comes when it is told to."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = START
        self.fleet = Fleet()
        self.host = SimulatedHost(directory / "host", "off2", clock=lambda: self.now.timestamp())
        layout.create(self.host.machine, imported=["zfs-hdd"], storages={"zfs-hdd": "zfs-hdd/pve"})
        (directory / "agent.toml").write_text(
            'host = "off2"\ncoordinators = []\nstate = "state"\nruntime = "run"\n'
        )
        self.config = configs.load(directory / "agent.toml")
        root = self.fleet.root(expires=START + 3 * 365 * DAY)
        (directory / "trust.toml").write_bytes(roots.dump(root))
        self.agent().prepare()
        self.agent().state.begin()
        self.sha256 = ""

    def agent(self) -> Agent:
        floors = PoolFloors(self.host.machine)
        return Agent(self.config, self.host, lambda: self.now, floors, lambda _: None)

    def publish(self, serial: int, text: str, **changes: object) -> None:
        """A release made now, good for thirty days."""
        desired: DesiredState = replace(case.desired(text), pools=("zfs-hdd",), **changes)  # type: ignore[arg-type]
        release = self.fleet.release_of(
            serial, desired, created=self.now, expires=self.now + 30 * DAY
        )
        Inbox(self.config.inbox).put_release(release.dump())

    def stamp(self, serial: int, sha256: str, signed: datetime | None = None) -> None:
        """The courier brings the coordinator's word, signed by the coordinator's clock."""
        at = signed or self.now
        word = Timestamp(SITE, serial, sha256, at, at + timestamp.LIFETIME)
        inbox = Inbox(self.config.inbox)
        inbox.put_timestamp(timestamp.sign(word, self.fleet.timestamp_key))
        seconds = self.now.timestamp()
        os.utime(inbox.directory / "timestamp.json", (seconds, seconds))

    def run(self) -> Ran:
        ran = self.agent().run(restarts=(113, 114))
        if ran.intake.held:
            self.sha256 = ran.intake.held.accepted.sha256
        return ran

    def by_hand(self, *argv: str) -> None:
        assert programs.run(self.host.machine, argv).code == 0

    def word(self, ran: Ran) -> tuple[State, str]:
        """What the coordinator makes of it, by a right clock."""
        verdict = status.judge(
            ran.report,
            received=START,
            current=Current(ran.report.serial, ran.report.manifest_sha256),
            released=True,
            now=START,
        )
        return verdict.state, verdict.code

    def data(self) -> str:
        return (self.host.machine.locate("/zfs-hdd/off") / "precious").read_text()

    def containers(self) -> dict[str, bytes]:
        found = (self.directory / "host/etc/pve/nodes/off2/lxc").glob("*.conf")
        return {path.name: path.read_bytes() for path in found}


@pytest.fixture
def island(tmp_path: Path) -> Island:
    made = Island(tmp_path)
    made.publish(1, FULL)
    assert made.run().report.counts.failed == 0
    made.stamp(1, made.sha256)
    assert made.run().report.freshness == "fresh"
    (made.host.machine.locate("/zfs-hdd/off") / "precious").write_text(PRECIOUS)
    return made


def test_sixty_days_alone(island: Island) -> None:
    """It repairs as long as its release holds, looks when it is over, and is healed at once."""
    words = []
    for day in range(60):
        island.now = START + day * DAY + timedelta(hours=1)
        if day in (10, 40):
            island.by_hand("pct", "set", "113", "--cores", "1")
        ran = island.run()
        words.append((ran.report.freshness, bool(ran.report.observe_only), ran.report.counts.drift))
        assert [event.outcome for event in ran.run.events] == (["done"] if day == 10 else [])
    assert words[0] == ("fresh", False, 0)
    assert set(words[1:30]) == {("stale", False, 0)}
    assert set(words[30:40]) == {("expired", True, 0)}
    assert set(words[40:]) == {("expired", True, 1)}
    assert (ran.report.code, ran.report.refused) == ("EXPIRED", None)
    assert (island.data(), len(island.containers())) == (PRECIOUS, 2)
    # On return: what is new is believed, and of a mass change no more is done than may be.
    island.publish(9, CHANGED, max_delta=MaxDelta(containers=0))
    held = island.run()
    assert held.report.serial == 9
    assert held.run.events == []
    assert [wait.kind for wait in held.report.waits] == ["approval"]
    island.now += timedelta(minutes=1)
    island.publish(10, CHANGED)
    healed = island.run()
    assert healed.run.plan.empty
    island.stamp(10, island.sha256)
    right = island.run()
    assert (right.report.freshness, right.run.events) == ("fresh", [])
    assert island.data() == PRECIOUS


@pytest.mark.parametrize("jump", [DECADE, -DECADE], ids=["ahead", "back"])
def test_ten_years_wrong_and_right_again(island: Island, jump: timedelta) -> None:
    """Nothing is changed, nothing that a person asked for ends, and no memory is poisoned."""
    agent = island.agent()
    agent.hold(Hold(113, START + 5 * DAY, "a migration", by="alex"), waiting=lambda: True)
    island.by_hand("pct", "set", "114", "--cores", "7")
    before, mark = island.containers(), agent.state.mark()
    signed = agent.state.signed_time()
    island.now = START + jump + timedelta(minutes=5)
    for _ in range(3):
        ran = island.run()
        island.now += timedelta(minutes=1)
    assert ran.run.events == []
    assert ran.report.observe_only
    assert island.containers() == before
    assert (agent.state.mark(), agent.state.signed_time()) == (mark, signed)
    assert [hold.container for hold in agent.state.holds.read()] == [113]
    # The right time again.
    island.now = START + timedelta(hours=2)
    island.stamp(1, island.sha256)
    ran = island.run()
    assert ran.report.refused is None
    assert [(e.resource, e.outcome) for e in ran.run.events] == [("container 114 ct114", "done")]
    assert [wait.kind for wait in ran.report.waits] == ["hold"]
    assert ran.report.freshness == "fresh"
    assert island.data() == PRECIOUS


def test_a_clock_behind_is_called_so_in_status(island: Island) -> None:
    island.now = START - DECADE
    assert island.word(island.run()) == (State.REFUSED, "CLOCK")


def test_a_clock_ahead_is_called_so_as_soon_as_news_comes(island: Island) -> None:
    island.now = START + DECADE
    assert island.word(island.run()) == (State.REFUSED, "TRUST_EXPIRED")
    island.stamp(1, island.sha256, signed=START)
    ran = island.run()
    assert island.word(ran) == (State.REFUSED, "CLOCK_AHEAD")
    assert "one of the two clocks is wrong" in (
        ran.report.refused.reason if ran.report.refused else ""
    )
    assert ran.report.observe_only


def test_old_news_is_no_clock_that_is_wrong(island: Island) -> None:
    """A host that was alone for a while still has what it got last."""
    island.now = START + 20 * DAY
    assert island.run().report.refused is None


def test_forged_news_says_nothing_about_clocks(island: Island) -> None:
    island.now = START + DECADE
    island.fleet.timestamp_key = type(island.fleet.timestamp_key).generate()
    island.stamp(1, island.sha256, signed=START)
    refused = island.run().report.refused
    assert refused is None or refused.code != "CLOCK_AHEAD"


def test_a_crash_loop_is_not_held_for_ten_years(island: Island) -> None:
    island.now = START + timedelta(minutes=5)
    state = island.agent().state
    starts = state.starts()
    for minute in range(4):
        starts.tried(113, island.now + DECADE + timedelta(minutes=minute))
    state.keep_starts(starts)
    island.by_hand("pct", "stop", "113")
    ran = island.run()
    assert [(e.action, e.outcome) for e in ran.run.events] == [("start", "done")]


def test_an_hour_forth_and_back_in_the_middle_is_nothing(island: Island) -> None:
    for minutes in (0, 60, -3, 57, 0):
        island.now = START + timedelta(minutes=minutes)
        ran = island.run()
        assert (ran.run.events, ran.report.observe_only) == ([], "")
