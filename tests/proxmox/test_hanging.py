"""Programs that never come back: the agent says so, lives, and goes on with the rest."""

from collections.abc import Callable
from dataclasses import replace
import itertools
import os
from pathlib import Path
import signal
import stat
import sys
import time

import pytest

from agent.scenario import TEMPLATE
from fakes.kernel import Kernel
from offctl.errors import HostError
from offctl.trust import root as roots
from offctl_agent import config as configs
from offctl_agent.agent import Agent, Ran, utc_now
from offctl_agent.mailbox import Inbox, Outbox
from offctl_agent.proxmox import zfscommand
from offctl_agent.proxmox.calls import Calls
from offctl_agent.proxmox.host import ProxmoxHost
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.tunnels import TunnelDoor
from offctl_agent.proxmox.zfscommand import ZfsCommand
from offctl_agent.simulated import layout
from offctl_agent.simulated.host import SimulatedHost
from planner import case
from proxmox import program
from proxmox.rig import SimulatedDatasets, SimulatedDirectories
from transport.fleet import Fleet

NODE = "off2"
TEXT = "".join(
    f'[[dataset]]\nname = "zfs-hdd/{number}"\nproperties = {{ atime = "off" }}\n'
    f'[[container]]\nid = {number}\ntemplate = "{TEMPLATE}"\noptions = {{ cores = "2" }}\n'
    for number in (110, 111)
)
CHANGED = TEXT.replace('"2"', '"3"').replace('"off"', '"on"')
# Far above what the programs of this host take, on a busy machine too.
LIMITS: dict[tuple[str, ...], float] = {("pct", "set"): 7.0, ("zfs", "set"): 7.0}
# What a program does that was called with certain words; $1 is where it may leave a number.
ENDS_WHEN_ASKED = "sleep 600"
DEAF = "trap '' TERM; sleep 600 & wait; while :; do sleep 600; done"
# It is gone; what it started holds its outputs open, in a session of its own, and says more.
LEAVES_A_TALKER = "setsid sh -c 'while sleep 0.2; do echo more; done' & echo $! > $MARK; wait"


class Stuck:
    """One agent on a host whose `pct` and `zfs` are programs, some calls of which hang."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.alive: list[float] = []
        self.fleet = Fleet()
        root = directory / "machine"
        self.machine = SimulatedHost(root, NODE).machine
        self.kernel = Kernel(self.machine, root)
        layout.create(self.machine, imported=["zfs-hdd"], storages={"zfs-hdd": "zfs-hdd/pve"})
        self.kernel.render()
        (directory / "agent.toml").write_text(
            'host = "off2"\ncoordinators = []\nstate = "state"\nruntime = "run"\n'
        )
        (directory / "trust.toml").write_bytes(roots.dump(self.fleet.root()))
        self.agent().prepare()
        self.agent().state.begin()
        self.programs = {name: str(self._program(name)) for name in ("pct", "zfs")}

    def _program(self, name: str) -> Path:
        """The program, unless a file says that these words hang."""
        path, hang = self.directory / name, self.directory / "hang"
        command = f"{sys.executable} {program.__file__} {self.machine.store.root} {NODE} {name}"
        path.write_text(
            f'#!/bin/sh\nMARK={self.directory}/mark\nif [ -e {hang} ] && case "{name} $*" in '
            f'"$(head -n 1 {hang})"*) true;; *) false;; esac; then eval "$(tail -n +2 {hang})"; fi'
            f'\nexec {command} "$@"\n'
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def hangs(self, words: str, script: str) -> None:
        (self.directory / "hang").write_text(f"{words}\n{script}\n")

    def agent(self) -> Agent:
        config = configs.load(self.directory / "agent.toml")
        calls = Calls(
            lambda: self.alive.append(time.monotonic()),
            programs=getattr(self, "programs", {}),
            seconds=LIMITS,
            grace=1.0,
        )
        root = self.machine.store.root
        doors = (
            SimulatedDatasets(self.machine, calls),  # type: ignore[arg-type]
            SimulatedDirectories(self.machine),
        )
        running = Running(root, 0)
        tunnels = TunnelDoor(root, running)
        host = ProxmoxHost(root, NODE, *doors, tunnels, calls=calls, running=running)
        return Agent(config, host, utc_now)

    def run(self, serial: int = 0, text: str = "") -> Ran:
        agent = self.agent()
        if serial:
            desired = replace(case.desired(text), pools=("zfs-hdd",))
            release = self.fleet.release_of(serial, desired)
            Inbox(agent.config.inbox).put_release(release.dump())
        self.kernel.render()
        return agent.run()


@pytest.fixture
def stuck(tmp_path: Path) -> Stuck:
    made = Stuck(tmp_path)
    assert made.run(1, TEXT).report.counts.failed == 0
    return made


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("pct set 110", ENDS_WHEN_ASKED),
        ("pct set 110", LEAVES_A_TALKER),
        ("zfs set atime=on zfs-hdd/110", DEAF),
    ],
)
def test_a_program_that_hangs_costs_its_own_step_only(
    stuck: Stuck, words: str, script: str
) -> None:
    stuck.hangs(words, script)
    began = time.monotonic()
    ran = stuck.run(2, CHANGED)
    took = time.monotonic() - began
    done = {(e.resource.split()[1], e.action, e.outcome) for e in ran.run.events}
    assert len([outcome for *_, outcome in done if outcome == "done"]) == 3
    [failed] = [e for e in ran.run.events if e.outcome == "failed"]
    assert "did not end within 7 seconds" in failed.detail
    assert words.split()[-1].removeprefix("zfs-hdd/") in failed.resource
    # It was alive all the time, was not held by what was left, and reported.
    signs = [began, *stuck.alive, began + took]
    assert max(b - a for a, b in itertools.pairwise(signs)) < 6
    assert ran.report.counts.failed == 1
    reports = Outbox(stuck.agent().config.outbox)
    assert list(reports.after(0))[-1][0] == ran.report.sequence
    _stopped(stuck)
    (stuck.directory / "hang").unlink()
    again = stuck.run()
    assert again.run.plan.empty
    assert [e.outcome for e in again.run.events] == ["done"]


def _stopped(stuck: Stuck) -> None:
    mark = stuck.directory / "mark"
    if mark.exists():
        os.kill(int(mark.read_text()), signal.SIGKILL)


def test_a_program_that_comes_back_late_is_still_found_right(stuck: Stuck) -> None:
    """Asked to end, it ended its work instead: the next look sees that it is done."""
    command = f"{sys.executable} {program.__file__} {stuck.machine.store.root} {NODE} pct"
    late = f"trap '{command} set 110 --cores 3; exit 1' TERM; sleep 600 & wait"
    stuck.hangs("pct set 110", late)
    ran = stuck.run(2, CHANGED)
    assert [e.outcome for e in ran.run.events].count("failed") == 1
    (stuck.directory / "hang").unlink()
    again = stuck.run()
    assert again.run.plan.empty
    assert again.report.unasked == ()


@pytest.fixture
def silent_zfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], ZfsCommand]:
    monkeypatch.setattr(zfscommand, "SECONDS", 0.6)
    path = tmp_path / "zfs"
    path.write_text("#!/bin/sh\nsleep 600\n")
    path.chmod(0o755)
    return lambda: ZfsCommand(program=str(path))


def test_a_pool_that_does_not_answer_is_unknown_in_time(
    silent_zfs: Callable[[], ZfsCommand],
) -> None:
    began = time.monotonic()
    with pytest.raises(HostError) as caught:
        silent_zfs().list("tank", ())
    assert caught.value.code == "TIMEOUT"
    assert time.monotonic() - began < 5
