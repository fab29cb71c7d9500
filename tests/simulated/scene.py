"""A simulated host for a test: made in a moment, the same one each time."""

from pathlib import Path
import random

from offctl.desired.model import DesiredState, Mode
from offctl.observed import ObservedState
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.host import SimulatedHost
from offctl_agent.simulated.result import Result
from offctl_agent.simulated.store import Step

NODE = "pve1"
NOTHING = DesiredState("test", NODE, Mode.ENFORCE)


class Scene:
    """A host with one pool `tank`, a storage `local-zfs` on it, and a directory storage."""

    def __init__(self, root: Path, *, step: Step | None = None, seed: int = 1) -> None:
        self.root = root
        self.host = SimulatedHost(root, NODE, random=random.Random(seed).randbytes, step=step)
        self.machine = self.host.machine

    def prepared(self) -> "Scene":
        layout.create(self.machine, imported=["tank"], storages={"local-zfs": "tank/pve"})
        return self

    def run(self, *argv: str) -> Result:
        return programs.run(self.machine, argv, sleep=lambda _: None)

    def look(self) -> ObservedState:
        return self.host.observe(NOTHING)

    def conf(self, number: int = 101) -> Path:
        return self.root / f"etc/pve/nodes/{NODE}/lxc/{number}.conf"
