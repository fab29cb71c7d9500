"""Looking at the containers of a real host: files and kernel only, no process is started."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from offctl.desired.model import DesiredState
from offctl.errors import OffctlError
from offctl.observed import Configuration, Effective, ObservedContainer, Unknown
from offctl.planner import mounts
from offctl_agent.host import mountinfo, pctconf
from offctl_agent.host.mountinfo import MountTable
from offctl_agent.proxmox import effective, process, services
from offctl_agent.proxmox.pve import Pve
from offctl_agent.proxmox.running import Running

Found = tuple[ObservedContainer | tuple[int, Unknown], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the text says of one container, as far as it tells where to look."""

    targets: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Now:
    """What is read once for all containers."""

    host: MountTable
    monitored: frozenset[int]


class Look:
    """One look at all containers; `mountpoints` maps datasets to where they belong."""

    def __init__(
        self, root: Path, pve: Pve, running: Running, mountpoints: Mapping[str, str]
    ) -> None:
        self._root = root
        self._pve = pve
        self._running = running
        self._mountpoints = mountpoints

    def containers(self, desired: DesiredState) -> Found | Unknown:
        """Every container of this node; each that cannot be read is Unknown by itself."""
        asked = {
            c.id: Asked(tuple(m.target for m in c.mounts), c.services) for c in desired.containers
        }
        try:
            numbers = self._pve.numbers()
            host = self.host_mounts()
            monitored = self._running.monitored()
        except OffctlError as error:
            return Unknown(str(error))
        now = _Now(host, monitored)
        return tuple(self._container(n, now, asked.get(n, Asked())) for n in numbers)

    def host_mounts(self) -> MountTable:
        """The mount table of the host itself. Raises OffctlError."""
        with process.opened(self._root, 1) as found:
            return mountinfo.parse(found.read("mountinfo"))

    def _container(
        self, number: int, now: _Now, asked: Asked
    ) -> ObservedContainer | tuple[int, Unknown]:
        try:
            content = self._pve.read(number)
            if content is None:
                return number, Unknown("its configuration file vanished while it was read")
            file = pctconf.parse(content)
            if not self._running.running(number, now.monitored):
                return ObservedContainer(number, file, None)
            return ObservedContainer(number, file, self._effective(number, file, now.host, asked))
        except OffctlError as error:
            return number, Unknown(str(error))

    def _effective(
        self, number: int, file: Configuration, host: MountTable, asked: Asked
    ) -> Effective:
        with self._running.init(number) as init:
            inside = mountinfo.parse(init.read("mountinfo"))
            idmap = init.idmap()
        targets = (*asked.targets, *_targets(file.options), *_targets(file.pending))
        return Effective(
            effective.mounts(inside, host, self._mountpoints, targets),
            idmap,
            services.states(self._running.groups(number), asked.services),
        )


def _targets(options: tuple[tuple[str, str], ...]) -> Iterable[str]:
    return (line.target for line in mounts.lines(options)[0])
