"""The door to the datasets of a real host; satisfies host.datasets.Door.

What libzfs_core can do is done through it; native properties of existing datasets through one
`zfs set`; mounting by the kernel onto a directory that is held open.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from offctl import errors
from offctl.desired import properties
from offctl_agent.host import failures
from offctl_agent.host.commands import Command, commands
from offctl_agent.observed import Property
from offctl_agent.planner import actions as act
from offctl_agent.proxmox import directories, mounting, mounts
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pools
from offctl_agent.proxmox.zfs import Zfs

# On a dataset that was made here: the name it was made with, whatever it is called today.
MARKER = f"{properties.OWN_PREFIX}name"


class Calls(Protocol):
    """The programs of the host."""

    def run(self, doing: str, argv: Command) -> None:
        """Run one to its end. Raises HostError for whatever is no success."""
        ...


class DatasetDoor:
    """Datasets through libzfs_core, `zfs` and mount(2)."""

    def __init__(self, calls: Calls, zfs: Zfs, pools: Pools, table: Mounts) -> None:
        self._calls = calls
        self._zfs = zfs
        self._pools = pools
        self._mounts = table
        self._guids: dict[str, str] = {}
        # The names that were ever written, set or seen here.
        self.user_properties: set[str] = {MARKER}

    def remember(self, pool: str, guid: str) -> None:
        """What pool was looked at: the guid of its own dataset."""
        self._guids[pool] = guid

    def exists(self, name: str, doing: str) -> bool:
        """Whether there is such a dataset, in the pool that was looked at."""
        pool = name.split("/", 1)[0]
        if reason := self._pools.unready(pool):
            raise failures.refusal(doing, failures.FAILED, reason)
        if (known := self._guids.get(pool)) is not None:
            found = self.properties(pool, ["guid"]).get("guid")
            if found is None or found.value != known:
                cause = f"pool {pool} is not the pool that was looked at"
                raise failures.refusal(doing, failures.CONFLICT, cause)
        return self._zfs.exists(name)

    def properties(self, name: str, keys: Iterable[str]) -> Mapping[str, Property]:
        """In one step."""
        return self._zfs.read([name], keys).get(name, {})

    def create(self, action: act.CreateDataset, doing: str) -> None:
        """With every property from its first moment; exported only when it is mounted.

        `zfs set sharenfs=` would mount it too, through whatever link is in its path.
        """
        self.user_properties.update(key for key, _ in action.properties if ":" in key)
        self._zfs.create(action.name, action.properties, MARKER)
        self._mount(action.name, action.mountpoint, doing, only_if="on")
        if shared := tuple(p for p in action.properties if p[0] in properties.EXPORTS):
            self._calls.run(doing, commands(act.SetProperties(action.name, shared))[0])

    def set(self, action: act.SetProperties, doing: str) -> None:
        """User properties in one transaction; with native ones among them one `zfs set`."""
        user = {key: value for key, value in action.properties if ":" in key}
        self.user_properties.update(user)
        if len(user) == len(action.properties):
            self._zfs.mark({action.name: user})
        else:
            self._calls.run(doing, commands(action)[0])

    def inherit(self, action: act.InheritProperties, doing: str) -> None:
        """One `zfs inherit` for each property: it takes no more."""
        for argv in commands(action):
            self._calls.run(doing, argv)

    def mount(self, action: act.MountDataset, doing: str) -> None:
        """Onto a directory that is held open."""
        self._mount(action.name, action.mountpoint, doing)

    def unmounted(self, name: str, mountpoint: str) -> str:
        """Why what is opened at `mountpoint` is not the dataset."""
        try:
            with self._mounts.top(name, mountpoint):
                return ""
        except OSError as error:
            return f"{mountpoint}: {mounts.obstacle(error)}"
        except errors.HostError as error:
            return str(error)

    def is_mounted(self, name: str) -> bool:
        """Whether it is mounted, seen or hidden."""
        return bool(self._mounts.of(self._mounts.table(), name))

    def obstacle(self, path: str) -> str:
        """Why a path leads through no plain directory; empty too when nothing is there."""
        return directories.obstacle(path, absent="")

    def contents(self, path: str) -> tuple[str, ...]:
        """A few names in a directory."""
        try:
            return directories.contents(path) or ()
        except OSError as error:
            raise errors.HostError(f"cannot read {path}: {mounts.obstacle(error)}") from error

    def _mount(self, name: str, mountpoint: str, doing: str, *, only_if: str = "") -> None:
        found = self.properties(name, mounting.PROPERTIES)
        canmount = found.get("canmount", Property("on", "default")).value
        if only_if and canmount != only_if:
            return
        if canmount == "off":
            raise failures.refusal(doing, failures.CONFLICT, "its canmount is off")
        configured = found["mountpoint"].value if "mountpoint" in found else "unknown"
        if configured != mountpoint:
            cause = f"its mountpoint is {configured}, not {mountpoint}"
            raise failures.refusal(doing, failures.CONFLICT, cause)
        try:
            mounting.mount(name, mountpoint, found)
        except OSError as error:
            code = failures.PREFLIGHT if error.errno in mounts.IN_THE_WAY else failures.FAILED
            cause = f"{mountpoint}: {mounts.obstacle(error)}"
            raise failures.refusal(doing, code, cause) from error
