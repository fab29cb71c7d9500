"""An operator at a guest with a real pool: what the contract's Rig needs, for datasets.

The pool is made on a spare disk of the guest and destroyed with whatever is in it: never run this
anywhere else.
"""

from collections.abc import Iterator
import contextlib
from datetime import datetime
import os
from pathlib import Path
import shutil
import subprocess

from offctl.desired.model import DesiredState
from offctl.errors import HostError
from offctl.observed import ObservedState
from offctl.planner import actions as act
from offctl_agent.host import failures, run
from offctl_agent.host.protocol import Host
from offctl_agent.host.traces import Traces
from offctl_agent.proxmox.datasets import Datasets
from offctl_agent.proxmox.directories import Directories
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfscommand import ZfsCommand

POOL, DISK = "tank", "vdb"
OTHER, OTHER_DISK = "source", "vdc"
# A program that does what it is called for, unless it is to fail.
_WRAPPER = """#!/bin/sh
echo {name} >> {log}
if [ -e {faults}/unreadable ]; then cat {faults}/unreadable >&2; exit 1; fi
if [ -e {faults}/fails ] && case "{name} $*" in "$(cat {faults}/fails)"*) true;; *) false;; esac
then echo "cannot do it: played" >&2; exit 1; fi
exec /sbin/{name} "$@"
"""


class Calls:
    """Programs by their wrappers."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs

    def run(self, doing: str, argv: tuple[str, ...]) -> None:
        done = run.run((str(self._programs / argv[0]), *argv[1:]), timeout=300)
        if done.status:
            raise failures.failure(doing, argv, done.status, done.stderr)


class ZfsHost:
    """A Host that has datasets and directories only."""

    def __init__(self, programs: Path) -> None:
        mounts = Mounts()
        self.datasets = Datasets(
            Calls(programs),
            command=ZfsCommand(program=str(programs / "zfs")),
            pools=Pools(program=str(programs / "zpool")),
            mounts=mounts,
        )
        self.directories = Directories(mounts)

    def observe(self, desired: DesiredState) -> ObservedState:
        pools, datasets = self.datasets.observe(desired)
        paths = [d.mountpoint for d in desired.datasets]
        paths += [f"{d.mountpoint}/{i.path}" for d in desired.datasets for i in d.directories]
        seen, unready = self.directories.observe(paths), self.datasets.unready
        return ObservedState(pools, datasets, (), (), (), seen, "", unready=unready)

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return f"cannot run {command[0]} in container {number}: this host has datasets only"

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        del after, tasks, pools
        return Traces()

    def execute(self, action: act.Action) -> None:
        match action:
            case act.CreateDataset():
                self.datasets.create(action)
            case act.SetProperties():
                self.datasets.set_properties(action)
            case act.InheritProperties():
                self.datasets.inherit(action)
            case act.MountDataset():
                self.datasets.mount(action)
            case act.MakeDirectory():
                self.directories.make(action)
            case act.SetAccess():
                self.directories.set_access(action)
            case _:
                raise HostError(f"cannot do {type(action).__name__}: this host has datasets only")


class RealRig:
    """Satisfies host.rig.Rig as far as datasets and directories go."""

    pool = POOL
    storage = ""

    def __init__(self, home: Path) -> None:
        self._faults = home / "faults"
        self._faults.mkdir()
        self._log = home / "started"
        self._log.touch()
        programs = home / "programs"
        programs.mkdir()
        for name in ("zfs", "zpool"):
            program = programs / name
            program.write_text(_WRAPPER.format(faults=self._faults, name=name, log=self._log))
            program.chmod(0o755)
        # Making a pool costs more than most tests: it is made once and swept each time.
        if not Path("/proc/spl/kstat/zfs", POOL).exists():
            shell("zpool", "create", "-f", POOL, DISK)
        self.host: Host = ZfsHost(programs)
        self._made: list[Path] = []

    def close(self) -> None:
        self.mend()
        subprocess.run(["zpool", "destroy", "-f", OTHER], check=False, capture_output=True)
        self._sweep()
        for path in (*Path("/", POOL).glob("*"), Path("/srv/off")):
            if path.is_symlink():
                path.unlink()
            elif path.exists():
                shutil.rmtree(path)

    def _sweep(self) -> None:
        """An empty pool again; one that will not be swept is destroyed, and made anew next time."""
        listed = subprocess.run(
            ["zfs", "list", "-H", "-o", "name", "-d", "1", POOL],
            check=False,
            capture_output=True,
            text=True,
        )
        for name in listed.stdout.split("\n")[1:-1]:
            swept = subprocess.run(["zfs", "destroy", "-rf", name], check=False)
            if swept.returncode:
                shell("zpool", "destroy", "-f", POOL)
                return

    def started(self) -> list[str]:
        """The programs the host started since this was last asked."""
        found = self._log.read_text().split()
        self._log.write_text("")
        return found

    def run(self, *argv: str) -> int:
        if argv[:2] == ("zfs", "receive"):
            return self._receive(*argv[2:])
        return subprocess.run(argv, check=False).returncode

    def _receive(self, _: str, setting: str, name: str) -> int:
        """A replica whose properties came with the stream."""
        shell("zpool", "create", "-f", OTHER, OTHER_DISK)
        shell("zfs", "create", "-o", setting, f"{OTHER}/sent")
        shell("zfs", "snapshot", f"{OTHER}/sent@one")
        with subprocess.Popen(
            ["zfs", "send", "-p", f"{OTHER}/sent@one"], stdout=subprocess.PIPE
        ) as sent:
            done = subprocess.run(["zfs", "receive", "-u", name], stdin=sent.stdout, check=False)
        shell("zpool", "destroy", "-f", OTHER)
        return done.returncode

    def read(self, number: int) -> bytes:
        raise NotImplementedError

    def write(self, number: int, content: bytes, *, node: str = "", kind: str = "lxc") -> None:
        raise NotImplementedError

    def put(self, path: str, text: str) -> None:
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def get(self, path: str) -> str | None:
        file = Path(path)
        return file.read_text() if file.is_file() else None

    def link(self, path: str, target: str) -> None:
        Path(path).symlink_to(target)

    def remove(self, path: str) -> None:
        file = Path(path)
        if file.is_dir():
            file.rmdir()
        else:
            file.unlink()

    def damage(self, fault: str, value: str = "") -> None:
        match fault:
            case "zfs_unreadable":
                (self._faults / "unreadable").write_text(value)
            case "fails":
                (self._faults / "fails").write_text(value)
            case "pool_missing":
                shell("zpool", "export", "-f", value)
                (self._faults / "exported").write_text(value)
            case "pool_readonly":
                shell("zpool", "export", "-f", value)
                # What cannot be mounted because nothing can be made there is another matter.
                import_ = ("zpool", "import", "-o", "readonly=on", value)
                subprocess.run(import_, check=False, capture_output=True)
                shell("zpool", "list", value)
                (self._faults / "readonly").write_text(value)
            case _:
                raise NotImplementedError(fault)

    def mend(self) -> None:
        for fault in sorted(os.listdir(self._faults)):
            pool = (self._faults / fault).read_text()
            (self._faults / fault).unlink()
            if fault == "readonly":
                shell("zpool", "export", "-f", pool)
            if fault in ("readonly", "exported"):
                shell("zpool", "import", pool)


def shell(*argv: str) -> str:
    """A command of the operator's, which must succeed; gives what it printed."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def real(home: Path) -> Iterator[RealRig]:
    """A rig, and its end whatever happens."""
    rig = RealRig(home)
    try:
        yield rig
    finally:
        rig.close()
