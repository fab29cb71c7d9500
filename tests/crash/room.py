"""One host with a history, about to run: a release waits, somebody changed things, data is there.

Every agent here is a process of its own; it may kill itself before any change to any file below the
room, its own memory and the simulated host alike.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
import functools
import os
from pathlib import Path
import shutil
import signal
import sys
from typing import Self
import warnings

from agent.scenario import FULL
from offctl import errors
from offctl.desired.model import DesiredState
from offctl.trust import root as roots
from offctl_agent import config as configs
from offctl_agent.agent import Agent, Ran, open_floors, utc_now
from offctl_agent.mailbox import Inbox, Outbox
from offctl_agent.simulated import layout, programs
from offctl_agent.simulated.host import SimulatedHost
from offctl_agent.state import State
from planner import case
from transport.fleet import Fleet

CHANGED = FULL.replace('cores = "8"', 'cores = "4"').replace(
    'id = 114\nrun = "stopped"', 'id = 114\nrun = "running"'
) + (
    '\n[[dataset]]\nname = "zfs-hdd/new"\nproperties = { compression = "lz4" }\n'
    '\n[[container]]\nid = 115\ntemplate = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"\n'
    'mount = [{ target = "/data", source = "/zfs-hdd/new", dataset = "zfs-hdd/new" }]\n'
)
PRECIOUS = ("zfs-hdd/off", "zfs-hdd/off/images", "zfs-hdd/foreign")
FOREIGN = "etc/pve/lxc/900.conf"
_CHANGES = {"os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.symlink", "os.chmod"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Room:
    """A directory with everything of one host in it."""

    directory: Path

    @classmethod
    def make(cls, directory: Path) -> "Room":
        """Converged on release 1; release 2 is in the inbox, and there is drift to repair."""
        room = cls.begun(directory, (case.desired(FULL), case.desired(CHANGED)))
        room.by_hand("zfs", "set", "compression=off", "zfs-hdd/off")
        room.by_hand("pct", "set", "113", "--swap", "7")
        room.by_hand("pct", "set", "113", "--protection", "0")
        return room

    @classmethod
    def begun(cls, directory: Path, texts: tuple[DesiredState, DesiredState]) -> Self:
        """Converged on the first text; the second is in the inbox; data is there."""
        directory.mkdir(parents=True)
        room = cls(directory)
        fleet = Fleet()
        (directory / "agent.toml").write_text(
            'host = "off2"\ncoordinators = []\nstate = "state"\nruntime = "run"\n'
            'simulated = "machine"\n'
        )
        (directory / "trust.toml").write_bytes(roots.dump(fleet.root()))
        layout.create(
            room.host().machine, imported=["zfs-hdd"], storages={"zfs-hdd": "zfs-hdd/pve"}
        )
        room.by_hand("zfs", "create", "zfs-hdd/foreign")
        template = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
        room.by_hand("pct", "create", "900", template, "--rootfs", "zfs-hdd:1")
        agent = room.agent()
        agent.prepare()
        agent.state.begin()
        for serial, text in enumerate(texts, 1):
            desired = replace(text, pools=("zfs-hdd",))
            Inbox(agent.config.inbox).put_release(fleet.release_of(serial, desired).dump())
            if serial == 1:
                assert room.run().report.counts.failed == 0
        for name in PRECIOUS:
            (room.host().machine.locate(f"/{name}") / "precious").write_text(name)
        return room

    def copy(self, directory: Path) -> Self:
        return type(self)(Path(shutil.copytree(self.directory, directory, symlinks=True)))

    def host(self) -> SimulatedHost:
        return SimulatedHost(self.directory / "machine", "off2")

    def agent(self) -> Agent:
        config = configs.load(self.directory / "agent.toml")
        return Agent(config, self.host(), utc_now, open_floors(config), lambda _: None)

    def by_hand(self, *argv: str) -> None:
        result = programs.run(self.host().machine, list(argv))
        assert result.code == 0, (argv, result)

    def run(self) -> Ran:
        """One run to its end; containers may be restarted."""
        return self.agent().run(restarts=(113, 114, 115))

    def watch(self, call: Callable[[int], None]) -> list[int]:
        """From now on call before each moment of this process; gives how many there were."""
        return before_changes(self.directory, call)

    def act(self) -> None:
        """What is interrupted."""
        self.run()

    def disturbed(self, moment: int) -> bool:
        """Acting in a process that dies before its `moment`-th change, if there are so many."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 1
            try:
                self.watch(functools.partial(_die, moment))
                self.act()
                status = 0
            except errors.OffctlError:
                status = 0  # reported, and the next run looks again
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        assert os.WIFSIGNALED(ended) or os.WEXITSTATUS(ended) == 0, "a mistake of ours"
        return os.WIFSIGNALED(ended)

    def changes(self) -> int:
        """How many moments there are; uses the room up."""
        read, write = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                counted = self.watch(lambda _: None)
                self.act()
                os.write(write, str(counted[0]).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(write)
        with os.fdopen(read) as told:
            return int(told.read())

    def essence(self, without: frozenset[str] = frozenset()) -> dict[str, str]:
        """The containers' files, without what chance made, and without some containers."""
        found = {}
        for path in sorted((self.directory / "machine/etc/pve/nodes/off2/lxc").glob("*.conf")):
            if f"container {path.stem}" in without:
                continue
            lines = path.read_text().splitlines()
            found[path.name] = "\n".join(line.split(",hwaddr=")[0] for line in sorted(lines))
        return found

    def check(self, whole: Self) -> str:
        """What is wrong after its agent died; empty when it ends as it must."""
        return check(self, whole)


def before_changes(root: Path, call: Callable[[int], None]) -> list[int]:
    """Before each change of this process to a file below `root`: call with the how-manyth it is."""
    counted = [0]
    below = f"{root}/"

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if _changed(event, arguments).startswith(below):
            counted[0] += 1
            call(counted[0])

    sys.addaudithook(hook)
    return counted


def _changed(event: str, arguments: tuple[object, ...]) -> str:
    """The file that an audited event is about to change; empty when there is none."""
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & _WRITING:
            return ""
        # A file that is there and only opened, as a lock is, stays as it is.
        stays = not flags & (os.O_TRUNC | os.O_APPEND)
    elif event in _CHANGES:
        path, stays = arguments[1 if event == "os.symlink" else 0], False
    else:
        return ""
    if isinstance(path, int):
        return str(Path("/proc/self/fd", str(path)).readlink())
    name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
    there = os.path.lexists(name)
    return "" if (stays and there) or (event == "os.remove" and not there) else name


def _die(moment: int, now: int) -> None:
    if now == moment:
        os.kill(os.getpid(), signal.SIGKILL)


def half_made(room: Room) -> frozenset[str]:
    """Containers that pct itself left behind half: it was killed in the middle of creating one.

    PVE keeps such a one locked for a person to look at, and offctl never unlocks.
    """
    found = (room.directory / "machine/etc/pve/nodes/off2/lxc").glob("*.conf")
    return frozenset(
        f"container {path.stem}" for path in found if path.read_text().startswith("lock: create")
    )


def check(room: Room, whole: Room) -> str:
    """The end of a room that should have converged."""
    floor_before = _serial(room)
    for _ in range(2):
        ran = room.run()
    quiet = room.run()
    state = State(room.agent().config.agent_state)
    mark = state.mark()
    half = half_made(room)
    left = {step.resource.key for step in quiet.run.plan.steps} - half
    told = {r.resource.split()[1] for r in quiet.report.resources if "locked by PVE" in r.reason}
    wrong = {
        "it is not converged": bool(left),
        "a half made container is not told of": {f"container {n}" for n in told} != half,
        "a third run still does something": bool(quiet.run.events),
        "memory was damaged": any("damaged" in note for note in ran.report.notes),
        "the floor fell": mark is None or mark.floor.serial < max(2, floor_before),
        "something was forgotten": state.ledger().lost or bool(state.debts()),
        "it is not as without a kill": room.essence(half) != whole.essence(half),
        "data is lost": any(
            (room.host().machine.locate(f"/{name}") / "precious").read_text() != name
            for name in PRECIOUS
        ),
        "a stranger was touched": (room.directory / "machine" / FOREIGN).read_bytes()
        != (whole.directory / "machine" / FOREIGN).read_bytes(),
        "a report cannot be read": not list(Outbox(room.agent().config.outbox).after(0)),
        "a file was left behind": bool(list(state.directory.glob(".*.new"))),
    }
    return "; ".join(what for what, is_so in wrong.items() if is_so)


def _serial(room: Room) -> int:
    mark = room.agent().state.mark()
    return 0 if mark is None else mark.floor.serial
