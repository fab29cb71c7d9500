"""The door to the datasets of a real host; satisfies host.datasets.Door.

What libzfs_core can do is done through it; native properties of existing datasets through one
`zfs set`; mounting by the kernel onto a directory that is held open.
"""

from collections.abc import Iterable, Mapping
from typing import Protocol

from offctl import errors
from offctl.desired import properties
from offctl.observed import Property
from offctl.planner import actions as act
from offctl.planner.commands import Command, commands
from offctl_agent.host import failures
from offctl_agent.proxmox import directories, mounting, mounts
from offctl_agent.proxmox.mounts import Mounts
from offctl_agent.proxmox.pools import Pool, Pools
from offctl_agent.proxmox.zfs import Zfs
from offctl_agent.proxmox.zfscommand import ZfsCommand

# On a dataset that was made here: the name it was made with, whatever it is called today.
MARKER = f"{properties.OWN_PREFIX}name"
ON = Property("on", "default")


class Calls(Protocol):
    """The programs of the host."""

    def run(self, doing: str, argv: Command) -> None:
        """Run one to its end. Raises HostError for whatever is no success."""
        ...


class DatasetDoor:
    """Datasets through libzfs_core, `zfs` and mount(2)."""

    def __init__(
        self, calls: Calls, zfs: Zfs, command: ZfsCommand, pools: Pools, table: Mounts
    ) -> None:
        self._calls = calls
        self._zfs = zfs
        self._command = command
        self._pools = pools
        self._mounts = table
        self._marks: dict[str, str] = {}
        # The names that were ever written, set or seen here.
        self.user_properties: set[str] = {MARKER}

    def remember(self, pool: Pool) -> None:
        """What pool was looked at: this import of it."""
        self._marks[pool.name] = pool.mark

    def exists(self, name: str, doing: str) -> bool:
        """Whether there is such a dataset, in the pool that was looked at."""
        pool = name.split("/", 1)[0]
        if reason := self._pools.unready(pool):
            raise failures.refusal(doing, failures.FAILED, reason)
        if self._marks.get(pool, now := self._pools.mark(pool)) != now:
            cause = f"pool {pool} is not the pool that was looked at"
            raise failures.refusal(doing, failures.CONFLICT, cause)
        return self._zfs.exists(name)

    def properties(self, name: str, keys: Iterable[str]) -> Mapping[str, Property]:
        """In one step; but a channel program takes what was chosen at creation for the default."""
        asked = set(keys)
        fixed = asked & properties.CREATION_ONLY
        found = self._zfs.read([name], sorted(asked - fixed)).get(name, {})
        return found | self._command.get(name, fixed) if fixed else found

    def create(self, action: act.CreateDataset, doing: str) -> Mapping[str, Property]:
        """With every property from its first moment; exported only when it is mounted.

        All that must be known of it is read in one step: each costs time, and a line in the
        history of the pool.
        """
        self._zfs.create(action.name, action.properties, MARKER)
        keys = [properties.canonical_name(key) for key, _ in action.properties]
        self.user_properties.update(key for key in keys if ":" in key)
        found = self.properties(action.name, {*mounting.PROPERTIES, *keys})
        if found.get("canmount", ON).value == "on":
            self._mount(action.name, action.mountpoint, found, doing)
        if exports := tuple(p for p in action.properties if p[0] in properties.EXPORTS):
            self.set(act.SetProperties(action.name, exports), doing)
            return self.properties(action.name, keys)
        return found

    def set(self, action: act.SetProperties, doing: str) -> None:
        """User properties in one transaction; with native ones among them one `zfs set`."""
        user = {key: value for key, value in action.properties if ":" in key}
        self.user_properties.update(user)
        if any(key in properties.EXPORTS and value != "off" for key, value in action.properties):
            self._refuse_mounting(action.name, doing)
        if len(user) == len(action.properties):
            self._zfs.mark({action.name: user})
        else:
            self._calls.run(doing, commands(action)[0])

    def inherit(self, action: act.InheritProperties, doing: str) -> None:
        """One `zfs inherit` for each property: it takes no more."""
        if not properties.EXPORTS.isdisjoint(action.properties):
            self._refuse_mounting(action.name, doing)
        for argv in commands(action):
            self._calls.run(doing, argv)

    def mount(self, action: act.MountDataset, doing: str) -> None:
        """Onto a directory that is held open."""
        found = self.properties(action.name, mounting.PROPERTIES)
        if found.get("canmount", ON).value == "off":
            raise failures.refusal(doing, failures.CONFLICT, "its canmount is off")
        self._mount(action.name, action.mountpoint, found, doing)

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

    def _refuse_mounting(self, name: str, doing: str) -> None:
        """`zfs set` mounts what it exports, and what inherits that, through any link in a path."""
        table = self._mounts.table()
        for each in self._command.exported(name):
            if not self._mounts.of(table, each):
                cause = f"dataset {each} is not mounted; exporting it would mount it by its path"
                hint = f"mount it, or set canmount=off on {each}"
                raise failures.refusal(doing, failures.PREFLIGHT, cause, hint=hint)

    def _mount(self, name: str, mountpoint: str, found: Mapping[str, Property], doing: str) -> None:
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
