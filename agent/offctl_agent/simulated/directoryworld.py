"""The world of pct on a simulated host: /etc/pve, volumes and containers in one directory."""

from collections.abc import Iterator
import contextlib
import json

from offctl_agent.host import pctconf
from offctl_agent.simulated import volumes as allocation
from offctl_agent.simulated.directorycontainers import DirectoryContainers
from offctl_agent.simulated.machine import Machine
from offctl_agent.simulated.pctworld import DIED, World
from offctl_agent.simulated.pve import VMLIST, Pve
from offctl_agent.simulated.result import CommandError

_SYSTEMS = ("debian", "devuan", "ubuntu", "centos", "fedora", "alpine", "gentoo", "nixos")


def world(machine: Machine) -> World:
    """What pct sees of a simulated host."""
    files, volumes = DirectoryFiles(machine), DirectoryVolumes(machine)
    return World(files, volumes, DirectoryContainers(machine, files, volumes))


class DirectoryFiles(Pve):
    """/etc/pve in a directory."""

    @property
    def node(self) -> str:
        return self._machine.node

    def guest(self, number: int) -> tuple[str, str] | None:
        taken = json.loads(self.vmlist())["ids"].get(str(number))
        return None if taken is None else (taken["type"], taken["node"])

    def write(self, number: int, content: bytes) -> None:
        super().write(number, content)
        self._list_guests()

    def remove(self, number: int) -> None:
        super().remove(number)
        self._list_guests()

    @contextlib.contextmanager
    def locked(self, number: int, seconds: int, code: int) -> Iterator[None]:
        # All programs of a simulated host run one after the other anyway.
        del number, seconds, code
        yield

    def _list_guests(self) -> None:
        if self._store.read(VMLIST) != self.vmlist():
            self.save_vmlist()


class DirectoryVolumes:
    """Volumes that are datasets of the simulated pools; templates are taken to exist."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def random(self, count: int) -> bytes:
        return self._machine.random(count)

    def allocate(
        self, number: int, storage: str, gib: str, root: tuple[int, int]
    ) -> tuple[str, str]:
        del root
        return allocation.allocate(self._machine, number, storage, gib)

    def free(self, number: int, volume: str) -> None:
        if f"-{number}-disk-" in volume:
            allocation.free(self._machine, volume)

    def complaint(self, volume: str) -> str:
        return allocation.complaint(self._machine, volume)

    def obstacle(self, path: str) -> str:
        return self._machine.obstacle(path)

    def check_template(self, template: str) -> None:
        if ":" in template and ":vztmpl/" not in template:
            raise CommandError(
                f"unable to use volume {template} - content type needs to be 'vztmpl'", DIED
            )
        if ":" not in template and not template.startswith("/"):
            raise CommandError(f"can't find file '{template}'", DIED)

    def extract(self, number: int, file: pctconf.File, template: str) -> str:
        """Nothing is unpacked: what is inside a simulated container is not simulated."""
        del number, file
        name = template.rpartition("/")[2]
        return next((system for system in _SYSTEMS if name.startswith(system)), "unmanaged")
