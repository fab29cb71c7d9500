"""ProxmoxHost: the Host that is a real Proxmox VE node."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from offctl.desired.model import DesiredState
from offctl.errors import HostError, OffctlError
from offctl.observed import (
    FoundStunnel,
    ObservedDataset,
    ObservedDirectory,
    ObservedInstance,
    ObservedPool,
    ObservedState,
    Stray,
    Unknown,
)
from offctl.planner import actions as act
from offctl.planner import directories as asking
from offctl_agent.host import probes
from offctl_agent.host.containers import Containers
from offctl_agent.host.storages import Storage
from offctl_agent.host.traces import Traces
from offctl_agent.proxmox.calls import Calls
from offctl_agent.proxmox.containers import Look
from offctl_agent.proxmox.pve import Pve
from offctl_agent.proxmox.records import Records
from offctl_agent.proxmox.running import Running
from offctl_agent.proxmox.subids import Subids

NO_QUORUM = "no quorum: /etc/pve is read-only"

_Item = TypeVar("_Item")

Pools = tuple[tuple[str, int], ...] | Unknown
Datasets = tuple[ObservedDataset, ...] | Unknown
Directories = tuple[tuple[str, ObservedDirectory | Unknown | None], ...]


class DatasetDoor(Protocol):
    """The pools and datasets of the host; `unready` says why pools seen last may not be changed.

    `space` says how they were then.
    """

    unready: tuple[tuple[str, str], ...]
    space: tuple[ObservedPool, ...]

    def observe(self, desired: DesiredState) -> tuple[Pools, Datasets]:
        """Never raises for what cannot be read: that is Unknown."""
        ...

    def create(self, action: act.CreateDataset) -> None: ...

    def set_properties(self, action: act.SetProperties) -> None: ...

    def inherit(self, action: act.InheritProperties) -> None: ...

    def mount(self, action: act.MountDataset) -> None: ...


class DirectoryDoor(Protocol):
    """Directories inside datasets, and what paths really show."""

    def observe(self, paths: Iterable[str]) -> Directories:
        """Never raises for what cannot be read: that is Unknown."""
        ...

    def make(self, action: act.MakeDirectory) -> None: ...

    def set_access(self, action: act.SetAccess) -> None: ...

    def unfit(self, source: act.Source) -> str:
        """Why a source is not what should be mounted; empty when it is. Raises OffctlError."""
        ...

    def obstacle(self, path: str) -> str:
        """Why a path is not a directory reached without links; empty when it is."""
        ...


class TunnelDoor(Protocol):
    """stunnel, in containers and on the host itself."""

    def observe(
        self, desired: DesiredState
    ) -> tuple[tuple[ObservedInstance, ...], tuple[Stray, ...] | Unknown]:
        """Never raises for what cannot be read: that is unknown."""
        ...

    def every(self) -> tuple[FoundStunnel, ...] | Unknown:
        """Every stunnel that runs, whoever made it."""
        ...

    def make_directory(self, action: act.MakeTunnelDirectory) -> None: ...

    def renew(self, action: act.RenewTunnels) -> None: ...


class ProxmoxHost:
    """The host below `root` that is called `node`; satisfies host.protocol.Host.

    `alive` is called now and then while a command takes its time; `programs` says where a program
    stands that is not to be searched for.
    """

    def __init__(
        self,
        root: Path,
        node: str,
        datasets: DatasetDoor,
        directories: DirectoryDoor,
        tunnels: TunnelDoor,
        *,
        alive: Callable[[], None] = lambda: None,
        programs: Mapping[str, str] | None = None,
        running: Running | None = None,
        calls: Calls | None = None,
    ) -> None:
        self._root = root
        self._datasets = datasets
        self._directories = directories
        self._tunnels = tunnels
        self._pve = Pve(root, node, alive)
        self._running = running or Running(root)
        self._records = Records(root, alive)
        self._subids = Subids(root, alive)
        self._calls = calls or Calls(alive, programs=programs)
        self._containers = Containers(
            self._pve,
            self._calls,
            self._running,
            _Sources(directories, self._subids),
        )

    def observe(self, desired: DesiredState) -> ObservedState:
        """Read everything; never raises for a part that cannot be read."""
        pools, datasets = self._datasets.observe(desired)
        missing = self._pve.missing()
        look = Look(self._root, self._pve, self._running, _mountpoints(datasets))
        tunnels, strays = self._tunnels.observe(desired)
        return ObservedState(
            pools=pools,
            datasets=datasets,
            containers=Unknown(missing) if missing else look.containers(desired),
            guests=Unknown(missing) if missing else _or_unknown(self._pve.guests),
            subids=_or_unknown(self._subids.granted),
            directories=self._directories.observe(asking.asked(desired)),
            writable=missing or self._unwritable(),
            unready=self._datasets.unready,
            tunnels=tunnels,
            strays=strays,
            space=self._datasets.space,
        )

    def stunnels(self) -> tuple[FoundStunnel, ...] | Unknown:
        """Every stunnel that runs, with what its configuration says but no key."""
        return self._tunnels.every()

    def storages(self) -> Mapping[str, Storage] | Unknown:
        """PVE's storages by name."""
        try:
            return self._pve.storages()
        except OffctlError as error:
            return Unknown(str(error))

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        """What a command inside says when it fails; empty when it does not."""
        return probes.probe(self._calls, number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        """What PVE's task log and ZFS's history tell; never raises."""
        return self._records.traces(after, tasks=tasks, pools=pools)

    def execute(self, action: act.Action) -> None:
        """Do one action and prove that it is done. Raises HostError."""
        try:
            self._execute(action)
        except HostError:
            raise
        except OffctlError as error:
            raise HostError(str(error), hint=error.hint) from error
        except OSError as error:
            raise HostError(f"cannot reach {error.filename}: {error.strerror}") from error

    def _execute(self, action: act.Action) -> None:  # noqa: PLR0912
        match action:
            case act.CreateDataset():
                self._datasets.create(action)
            case act.SetProperties():
                self._datasets.set_properties(action)
            case act.InheritProperties():
                self._datasets.inherit(action)
            case act.MountDataset():
                self._datasets.mount(action)
            case act.MakeDirectory():
                self._directories.make(action)
            case act.SetAccess():
                self._directories.set_access(action)
            case act.GrantSubids():
                self._subids.grant(action)
            case act.CreateContainer():
                self._containers.create(action)
            case act.SetContainer():
                self._containers.set(action)
            case act.SetIdmap():
                self._containers.set_idmap(action)
            case act.StartContainer():
                self._containers.start(action)
            case act.RestartContainer():
                self._containers.restart(action)
            case act.ShutDownContainer():
                self._containers.shut_down(action)
            case act.MakeTunnelDirectory():
                self._tunnels.make_directory(action)
            case act.RenewTunnels():
                self._tunnels.renew(action)

    def _unwritable(self) -> str:
        try:
            return "" if self._pve.quorate() else NO_QUORUM
        except OffctlError as error:
            return str(error)


class _Sources:
    """Satisfies host.doors.Sources: directories and subordinate ids together."""

    def __init__(self, directories: DirectoryDoor, ids: Subids) -> None:
        self.unfit = directories.unfit
        self.obstacle = directories.obstacle
        self.granted = ids.granted


def _or_unknown(read: Callable[[], tuple[_Item, ...]]) -> tuple[_Item, ...] | Unknown:
    try:
        return read()
    except OffctlError as error:
        return Unknown(str(error))


def _mountpoints(datasets: Datasets) -> dict[str, str]:
    """Where each dataset belongs, mounted or not."""
    if isinstance(datasets, Unknown):
        return {}
    found = {}
    for dataset in datasets:
        known = dataset.property("mountpoint")
        if known is not None and known.value.startswith("/"):
            found[dataset.name] = known.value
    return found
