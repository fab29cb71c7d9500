"""A simulated host with a desired state, and runs on it that can be stopped dead at any step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
import shutil

from offctl.desired.model import DesiredState
from offctl.observed import ObservedState
from offctl.planner import actions as act
from offctl.planner.actions import Action
from offctl.planner.plan import Plan
from offctl.trust.accept import AcceptedManifest
from offctl.trust.manifest import HostEntry, Manifest
from offctl_agent import converge
from offctl_agent.circumstances import Circumstances
from offctl_agent.execute import Result
from offctl_agent.host.protocol import Host
from offctl_agent.host.traces import Traces
from offctl_agent.intake import Held, Intake
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.host import SimulatedHost
from offctl_agent.state import State
from planner import case

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"

FULL = f"""
subids = ["u:1000:64536", "g:1000:64536"]

[[dataset]]
name = "zfs-hdd/off"
uid = 1000
properties = {{ compression = "zstd" }}
directory = [{{ path = "users", uid = 1000, gid = 1000 }}]

[[dataset]]
name = "zfs-hdd/off/images"
properties = {{ atime = "off" }}

[[container]]
id = 113
template = "{TEMPLATE}"
options = {{ cores = "8", protection = "1", hostname = "off" }}
idmap = ["u 0 100000 1000", "u 1000 1000 64536", "g 0 100000 1000", "g 1000 1000 64536"]
network = [{{ index = 0, name = "eth0", bridge = "vmbr0", options = {{ ip = "10.1.0.113/24" }} }}]
mount = [
  {{ target = "/mnt/off", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }},
  {{ target = "/mnt/off/images", source = "/zfs-hdd/off/images", dataset = "zfs-hdd/off/images" }},
  {{ target = "/mnt/off/users", source = "/zfs-hdd/off/users", dataset = "zfs-hdd/off", subdirectory = "users" }},
  {{ target = "/var/cache/off", storage = "zfs-hdd", size = "1G" }},
]

[[container]]
id = 114
run = "stopped"
template = "{TEMPLATE}"
options = {{ cores = "2" }}
mount = [{{ target = "/data", source = "/zfs-hdd/off", dataset = "zfs-hdd/off" }}]
"""  # noqa: E501


class Crash(BaseException):
    """The process is gone: nothing of ours may catch it."""


@dataclass
class Interrupted:
    """A host that dies at its `at`-th action (from 1), before doing it or having done it."""

    host: Host
    at: int = 0
    having_done: bool = False
    done: list[Action] = field(default_factory=list)

    def observe(self, desired: DesiredState) -> ObservedState:
        return self.host.observe(desired)

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return self.host.probe(number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        return self.host.traces(after, tasks=tasks, pools=pools)

    def execute(self, action: Action) -> None:
        dies = len(self.done) + 1 == self.at
        if dies and not self.having_done:
            raise Crash
        self.done.append(action)
        self.host.execute(action)
        if dies:
            raise Crash


@dataclass
class Scene:
    """One host and one agent's memory below `directory`; every run starts from the disk alone."""

    directory: Path
    desired: DesiredState

    @classmethod
    def make(cls, directory: Path, text: str = FULL) -> "Scene":
        scene = cls(directory, case.desired(text))
        layout.create(
            scene.simulated().machine, imported=["zfs-hdd"], storages={"zfs-hdd": "zfs-hdd/pve"}
        )
        return scene

    def copy(self, directory: Path) -> "Scene":
        shutil.copytree(self.directory, directory, symlinks=True)
        return Scene(directory, self.desired)

    def simulated(self) -> SimulatedHost:
        return SimulatedHost(self.directory / "host", "off2")

    def by_hand(self, *argv: str) -> None:
        """What an operator does on the host."""
        result = programs.run(self.simulated().machine, list(argv))
        assert result.code == 0, (argv, result)

    def faults(self, text: str) -> None:
        (self.directory / "host" / "faults.toml").write_text(text)

    def run(
        self,
        host: Host | None = None,
        *,
        text: str | None = None,
        restarts: tuple[int, ...] = (),
        observe_only: str = "",
        tell: list[Result] | None = None,
        now: datetime = NOW,
        paused: list[float] | None = None,
        go_on: Callable[[], bool] = lambda: True,
        elapsed: Callable[[], float] = lambda: 0.0,
    ) -> converge.Run:
        """One run of a process that has just started."""
        if text is not None:
            self.desired = case.desired(text)
        heard = [] if tell is None else tell
        circumstances = Circumstances(
            clock=lambda: now,
            restarts=frozenset(restarts),
            go_on=go_on,
            tell=heard.append,
            pause=([] if paused is None else paused).append,
            elapsed=elapsed,
        )
        return converge.run(
            taken(self.desired, observe_only), self.state(), host or self.simulated(), circumstances
        )

    def plan(self) -> Plan:
        return converge.preview(self.desired, self.state(), self.simulated())

    def state(self) -> State:
        state = State(self.directory / "agent")
        state.prepare()
        return state

    def forget(self) -> None:
        """Lose the agent's whole memory."""
        shutil.rmtree(self.directory / "agent", ignore_errors=True)

    def configuration(self, number: int) -> str:
        return (self.directory / f"host/etc/pve/lxc/{number}.conf").read_text()

    def volumes(self) -> list[str]:
        """The datasets below the storage."""
        datasets = self.simulated().observe(self.desired).datasets
        assert isinstance(datasets, tuple)
        return [d.name for d in datasets if d.name.startswith("zfs-hdd/pve/")]


def taken(desired: DesiredState, observe_only: str = "") -> Intake:
    """An intake that holds `desired`."""
    manifest = Manifest(
        site=desired.site,
        serial=1,
        created=NOW,
        expires=NOW + timedelta(days=30),
        hosts=(HostEntry(desired.host, "0" * 64, 1),),
    )
    held = Held(AcceptedManifest(manifest, "0" * 64, expired=False), desired, "0" * 64)
    return Intake(desired.site, held, None, "fresh", observe_only)


def creations(done: list[Action]) -> list[str]:
    """What was made, by name: nothing may be made twice."""
    return [
        f"{type(action).__name__} {action.id if isinstance(action, act.CreateContainer) else action.name}"  # noqa: E501
        for action in done
        if isinstance(action, act.CreateContainer | act.CreateDataset)
    ]
