"""The parts of a simulated host that its programs share: files, faults, pools, mounts, chance."""

from collections.abc import Callable
import contextlib
import os
from pathlib import Path
import secrets
import stat
import time

from offctl.errors import MalformedError
from offctl_agent.simulated import faults as faults_file
from offctl_agent.simulated import mounts as mount_table
from offctl_agent.simulated import pools as pool_files
from offctl_agent.simulated import zfsproperties
from offctl_agent.simulated.faults import Faults
from offctl_agent.simulated.mounts import MountTable, Place
from offctl_agent.simulated.pools import Pool
from offctl_agent.simulated.result import CommandError
from offctl_agent.simulated.store import Store

MOUNTS = "run/mounts.json"
OWNERS = "files/owners.json"
ROOT_FILES = "files"
DATA = "zfs/data"
DIRECTORY_MODE = 0o755

Random = Callable[[int], bytes]
Owner = tuple[int, int, int]


class Machine:
    """One simulated host named `node` below `store`'s directory; `random` gives n bytes."""

    def __init__(
        self,
        store: Store,
        node: str,
        random: Random = secrets.token_bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.node = node
        self.random = random
        self.clock = clock

    def faults(self) -> Faults:
        """What is broken at this moment."""
        return faults_file.parse(self.store.read(faults_file.NAME))

    def pools(self) -> dict[str, Pool]:
        """The imported pools by name. Raises CommandError when zfs cannot be read at all."""
        broken = self.faults()
        if broken.zfs_unreadable:
            raise CommandError(broken.zfs_unreadable)
        found = pool_files.load(self.store)
        return {name: p for name, p in found.items() if broken.pool(name) != "missing"}

    def mounts(self) -> MountTable:
        """The mounts of the imported pools."""
        table = mount_table.parse(self.store.read_json(MOUNTS))
        missing = {name for name, state in self.faults().pools if state == "missing"}
        if not missing:
            return table
        gone = {
            dataset.guid
            for name, pool in pool_files.load(self.store).items()
            if name in missing
            for dataset in pool.datasets.values()
        }
        return MountTable(tuple(m for m in table.mounts if m.guid not in gone))

    def save_mounts(self, table: MountTable) -> None:
        """Keep the mount table."""
        self.store.write_json(MOUNTS, mount_table.as_json(table))

    def directory(self, place: Place) -> Path:
        """The real directory that holds a place's files."""
        name = f"{DATA}/{place.guid}" if place.guid else ROOT_FILES
        return self.store.path(f"{name}/{place.path}") if place.path else self.store.path(name)

    def locate(self, path: str) -> Path:
        """The real directory or file that an absolute host path leads to now."""
        return self.directory(self.mounts().place(path))

    def obstacle(self, path: str) -> str:
        """Why a host path is not a directory reached without symbolic links; empty when it is.

        "missing", "symlink" or "file", judged at each component as PVE judges a bind source.
        """
        table, walked = self.mounts(), ""
        for component in path.strip("/").split("/"):
            walked += f"/{component}"
            try:
                mode = os.lstat(self.directory(table.place(walked))).st_mode
            except OSError:
                return "missing"
            if stat.S_ISLNK(mode):
                return "symlink"
            if not stat.S_ISDIR(mode):
                return "file"
        return ""

    def make_place(self, place: Place) -> None:
        """Make a directory (and its parents) inside a dataset or the root file system."""
        name = f"{DATA}/{place.guid}" if place.guid else ROOT_FILES
        self.store.make_directory(f"{name}/{place.path}" if place.path else name)

    def owner(self, place: Place) -> Owner:
        """Owner, group and mode of a directory; root's and 0755 until set."""
        return self._owners().get(_key(place), (0, 0, DIRECTORY_MODE))

    def set_owner(self, place: Place, owner: Owner) -> None:
        """Keep owner, group and mode of a directory (tests are not root: a plain file has them)."""
        owners = self._owners()
        owners[_key(place)] = owner
        self.store.write_json(OWNERS, owners)

    def dataset_name(self, guid: str) -> str:
        """The name of a dataset by guid; empty when no imported pool has it."""
        with contextlib.suppress(CommandError):
            for pool in self.pools().values():
                for name, dataset in pool.datasets.items():
                    if dataset.guid == guid:
                        return name
        return ""

    def mountpoint(self, name: str) -> str:
        """The mountpoint property of a dataset that exists."""
        pool = self.pools()[pool_files.pool_of(name)]
        return zfsproperties.mountpoint(pool, name).value

    def _owners(self) -> dict[str, Owner]:
        value = self.store.read_json(OWNERS) or {}
        try:
            return {
                key: (int(uid), int(gid), int(mode))
                for key, (uid, gid, mode) in value.items()  # type: ignore[attr-defined]
            }
        except (TypeError, ValueError, AttributeError):
            raise MalformedError(f"cannot read {OWNERS}") from None


def _key(place: Place) -> str:
    return f"{place.guid}:{place.path}"
