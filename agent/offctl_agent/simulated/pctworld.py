"""What pct needs from the host below it. Its grammar and its semantics know no more than this.

One world is a directory (directoryworld.py); another, which is not shipped, drives real containers
for the integration tests.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from offctl_agent.host import pctconf
from offctl_agent.simulated.result import CommandError, Result

DIED = 255
NO_QUORUM = "cluster not ready - no quorum?"
REFUSED = (
    "ipcc_send_rec[1] failed: Connection refused\n"
    "Unable to load access control list: Connection refused"
)


class Files(Protocol):
    """/etc/pve as one node sees it."""

    @property
    def node(self) -> str:
        """The node's name."""
        ...

    def missing(self) -> str:
        """Why /etc/pve is not there; empty when it is."""
        ...

    def quorate(self) -> bool:
        """Whether it can be written."""
        ...

    def numbers(self) -> tuple[int, ...]:
        """The ids of this node's containers, sorted. Raises AdminError."""
        ...

    def guest(self, number: int) -> tuple[str, str] | None:
        """The type and the node of an id anywhere in the cluster; None when it is free."""
        ...

    def read(self, number: int) -> bytes | None:
        """A configuration file of this node; None when there is none."""
        ...

    def write(self, number: int, content: bytes) -> None:
        """Replace a configuration file. Raises CommandError without quorum."""
        ...

    def remove(self, number: int) -> None:
        """Remove a configuration file (a create that failed)."""
        ...

    def locked(self, number: int, seconds: int, code: int) -> AbstractContextManager[None]:
        """Hold the lock of one configuration file, or raise CommandError(code) after a while."""
        ...


class Volumes(Protocol):
    """What containers are stored in, and what they are made from. All raise CommandError."""

    def random(self, count: int) -> bytes:
        """Bytes nobody could have known."""
        ...

    def allocate(
        self, number: int, storage: str, gib: str, root: tuple[int, int]
    ) -> tuple[str, str]:
        """Make a volume that belongs to the container's root: (volume id, size as written)."""
        ...

    def free(self, number: int, volume: str) -> None:
        """Give back a volume of this container; one of another is left alone."""
        ...

    def complaint(self, volume: str) -> str:
        """Why a container cannot be started on a volume; empty when it can."""
        ...

    def obstacle(self, path: str) -> str:
        """Why a path is no bind source: "missing", "symlink" or "file"; empty when it is one."""
        ...

    def check_template(self, template: str) -> None:
        """Refuse what is no template."""
        ...

    def extract(self, number: int, file: pctconf.File, template: str) -> str:
        """Unpack a template through every mount of the new container; gives its ostype."""
        ...


class Containers(Protocol):
    """Containers that run, or will. All raise CommandError."""

    def is_running(self, number: int) -> bool:
        """Whether it runs, as PVE sees it."""
        ...

    def configure(self, number: int, file: pctconf.File) -> None:
        """Write down what the next start will use; refuses bridges that do not exist."""
        ...

    def launch(self, number: int, file: pctconf.File, said: "Said") -> None:
        """Make it run with what was written down last."""
        ...

    def stop(self, number: int) -> None:
        """End it now. What PVE does after every stop has been done when this returns."""
        ...

    def shut_down(self, number: int, seconds: int, *, force: bool) -> None:
        """Ask it to end; with `force` kill it when it does not."""
        ...

    def limit(self, number: int, key: str, value: str) -> None:
        """Change memory, swap, cpulimit or cpuunits of a running container (empty: no limit)."""
        ...

    def plug_mount(self, number: int, parts: Mapping[str, str]) -> None:
        """Mount one more thing into a running container."""
        ...

    def plug_network(self, number: int, key: str, value: str) -> None:
        """Add or replace (empty value: remove) an interface of a running container."""
        ...

    def execute(self, number: int, argv: list[str], *, keep_environment: bool) -> Result:
        """Run a program inside."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """A host for pct."""

    files: Files
    volumes: Volumes
    containers: Containers


@dataclass(slots=True)
class Said:
    """What one call prints. A task's own words go to stdout, whatever they are about."""

    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)

    def result(self, code: int = 0) -> Result:
        """What a caller gets."""
        return Result(code, "".join(self.stdout), "".join(self.stderr))


def load(world: World, number: int, said: list[str] | None = None) -> pctconf.File:
    """The configuration file, its warnings said as by every call of pct. Raises CommandError."""
    return read(number, require(world, number), said)


def read(number: int, content: bytes, said: list[str] | None = None) -> pctconf.File:
    """The sections of a file that was read; what PVE cannot read is said."""
    file = pctconf.read(content)
    if said is not None:
        said += [f"vm {number} - {warning}\n" for warning in file.warnings]
    return file


def require(world: World, number: int) -> bytes:
    """The bytes of a configuration file, or PVE's words for their absence as a CommandError."""
    if world.files.missing():
        raise CommandError(REFUSED, 111)
    content = world.files.read(number)
    if content is None:
        raise CommandError(f"Configuration file '{_name(world, number)}' does not exist", 2)
    return content


def save(world: World, number: int, file: pctconf.File) -> None:
    """Replace a configuration file as PVE renders it. Raises CommandError."""
    world.files.write(number, pctconf.render(file))


def check_lock(file: pctconf.File, *, allowed: str = "") -> None:
    """Refuse a container that PVE has locked. Raises CommandError."""
    lock = file.main.options.get("lock", "")
    if lock and lock != allowed:
        raise CommandError(f"CT is locked ({lock})", DIED)


def _name(world: World, number: int) -> str:
    return f"nodes/{world.files.node}/lxc/{number}.conf"
