"""Two more rooms to be killed in: a change that has to be taken back, and a plan to be approved."""

from dataclasses import replace
from pathlib import Path
from typing import Self

from agent.scenario import TEMPLATE
from agent.trying import SICK
from crash.room import FOREIGN, PRECIOUS, Room
from offctl.desired.model import DesiredState, MaxDelta, Probe
from offctl.planner import delta
from offctl_agent.agent import Ran
from offctl_agent.state import State
from planner import case

DATASETS = '[[dataset]]\nname = "zfs-hdd/off"\n[[dataset]]\nname = "zfs-hdd/off/images"\n'
BEFORE = f"""{DATASETS}
[[container]]
id = 113
template = "{TEMPLATE}"
options = {{ cores = "8", tty = "2" }}
mount = [{{ target = "/mnt/off", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }}]

[[container]]
id = 114
template = "{TEMPLATE}"
options = {{ cores = "2" }}
"""
# In effect at once, in effect after a restart, and a mount: 113 bears none of it.
HURTING = (
    BEFORE.replace('cores = "8", tty = "2"', 'cores = "1", tty = "3"')
    .replace('cores = "2"', 'cores = "3"')
    .replace(
        'dataset = "zfs-hdd/off" }]',
        'dataset = "zfs-hdd/off" },\n'
        '{ target = "/more", source = "/zfs-hdd/off/images", dataset = "zfs-hdd/off/images" }]',
    )
)
MANY = BEFORE.replace('cores = "8"', 'cores = "6"').replace('cores = "2"', 'cores = "5"')


def _probed(text: str) -> DesiredState:
    found = case.desired(text)
    probe = Probe(("curl", "-fsS", "http://localhost/"), 30)
    containers = tuple(replace(c, probe=probe) if c.id == 113 else c for c in found.containers)
    return replace(found, containers=containers)


def _common(room: Room, ran: Ran, whole: Room) -> dict[str, bool]:
    """What is wrong wherever an agent dies."""
    state = State(room.agent().config.agent_state)
    lost = [
        name
        for name in PRECIOUS
        if (room.host().machine.locate(f"/{name}") / "precious").read_text() != name
    ]
    stranger = (room.directory / "machine" / FOREIGN).read_bytes()
    return {
        "a run does something once more": bool(ran.run.events),
        "memory was damaged": any("damaged" in note for note in ran.report.notes),
        "something was forgotten": state.ledger().lost or bool(state.debts()),
        "data is lost": bool(lost),
        "a stranger was touched": stranger != (whole.directory / "machine" / FOREIGN).read_bytes(),
        "it is not as without a kill": room.essence() != whole.essence(),
    }


def _named(wrong: dict[str, bool]) -> str:
    return "; ".join(what for what, is_so in wrong.items() if is_so)


class Trying(Room):
    """Release 2 makes 113 ill, and is taken back there; 114 keeps what it got."""

    @classmethod
    def make(cls, directory: Path) -> Self:
        room = cls.begun(directory, (_probed(BEFORE), _probed(HURTING)))
        # Whichever of the three is in effect.
        lines = ("cores: 1", "tty: 3", "mp1: /zfs-hdd/off/images,mp=/more")
        sick = "".join(SICK.format(line) for line in lines)
        (directory / "machine" / "health.toml").write_text(sick)
        return room

    def check(self, whole: Self) -> str:
        for _ in range(2):
            ran = self.run()
        quiet = self.run()
        state = State(self.agent().config.agent_state)
        reasons = [r.reason for r in quiet.report.resources if r.state == "failed"]
        return _named(
            {
                **_common(self, quiet, whole),
                "a trial is left": bool(state.trials()),
                "there is no verdict": [u.container for u in state.undone()] != [113],
                "nobody is told": not any("undone" in reason for reason in reasons),
                "somebody else is blamed": bool(ran.report.unasked),
            }
        )


class Approving(Room):
    """Release 2 touches more than may be: act one is to see that, two to approve, three to run."""

    @classmethod
    def make(cls, directory: Path) -> Self:
        limited = replace(case.desired(MANY), max_delta=MaxDelta(containers=0))
        return cls.begun(directory, (case.desired(BEFORE), limited))

    def act(self) -> None:
        self.run()
        self._approve()
        self.run()

    def _approve(self) -> None:
        agent = self.agent()
        now = agent.preview()
        assert now.intake.held is not None
        found = delta.plan_hash(now.plan, now.intake.held.desired)
        agent.approve(found, waiting=lambda: True)

    def check(self, whole: Self) -> str:
        """What was begun goes on by itself; what was not approved whole has not begun."""
        before = self.essence()
        ran = self.run()
        waiting = [wait for wait in ran.report.waits if wait.kind == "approval"]
        touched = before != self.essence() or any("cores: 6" in text for text in before.values())
        if waiting:
            self._approve()
            self.run()
        quiet = self.run()
        state = State(self.agent().config.agent_state)
        return _named(
            {
                **_common(self, quiet, whole),
                "it was touched without approval": bool(waiting) and touched,
                "it is not converged": bool(quiet.run.plan.steps),
                "an approval is left": bool(state.approval().changes),
            }
        )
