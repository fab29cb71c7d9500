"""What is mounted on this host, and what its paths really show.

"mounted=yes" is what ZFS believes; a dataset counts as mounted here only when the directory that is
opened at its mountpoint belongs to its own mount: by mount id and by device.
"""

from collections.abc import Iterator
import contextlib
import errno
import os
from pathlib import Path

from offctl import errors
from offctl_agent.host import beneath, mountinfo
from offctl_agent.host.mountinfo import Mount, MountTable

# Something else than a directory of ours is there; not a failure of the system.
IN_THE_WAY = frozenset(
    {errno.ELOOP, errno.ENOTDIR, errno.EXDEV, errno.ENOENT, errno.EAGAIN, errno.ENOTEMPTY}
)


class Mounts:
    """The mounts of this process, read anew each time."""

    def __init__(self, source: Path = Path("/proc/self/mountinfo"), *, fstype: str = "zfs") -> None:
        """`fstype` is what a dataset is mounted as."""
        self._source = source
        self._fstype = fstype

    def table(self) -> MountTable:
        """All of them. Raises HostError."""
        try:
            return mountinfo.parse(self._source.read_bytes())
        except (OSError, errors.MalformedError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            raise errors.HostError(f"cannot read what is mounted: {cause}") from error

    def of(self, table: MountTable, dataset: str) -> tuple[Mount, ...]:
        """Every mount of a dataset as a whole, visible or hidden."""
        return tuple(
            m for m in table.mounts if (m.fstype, m.source, m.root) == (self._fstype, dataset, "/")
        )

    def visible(self, table: MountTable) -> dict[str, str]:
        """Where each dataset that can be seen is seen."""
        found = (m for m in table.mounts if m.fstype == self._fstype and m.root == "/")
        return {m.source: m.target for m in found if table.visible(m)}

    def not_mounted(self, table: MountTable, dataset: str, mountpoint: str) -> str:
        """Why `mountpoint` does not show `dataset`; empty when it does."""
        here, mounts = table.at(mountpoint), self.of(table, dataset)
        if here is not None and here in mounts and here.target == mountpoint:
            return ""
        if not mounts:
            return f"dataset {dataset} is not mounted"
        if any(m.target == mountpoint for m in mounts):
            over = self._name(here) if here else "nothing"
            return f"dataset {dataset} is mounted but hidden: {mountpoint} shows {over}"
        return f"dataset {dataset} is mounted at {mounts[-1].target}, not at {mountpoint}"

    def shown(self, path: str) -> tuple[str, str]:
        """The dataset that a directory lies in, or "" and the reason why there is none to name.

        The directory is opened through no link, and its mount looked up by what was opened.
        """
        try:
            with beneath.held(path) as handle:
                mount = _mount(handle, self.table())
        except OSError as error:
            return "", obstacle(error)
        except errors.HostError as error:
            return "", str(error)
        if mount.fstype != self._fstype:
            return "", f"it lies in {self._name(mount)}, not in a dataset"
        return mount.source, ""

    @contextlib.contextmanager
    def top(self, dataset: str, mountpoint: str) -> Iterator[int]:
        """The directory at `mountpoint`, held open, proven to be the root of `dataset`.

        Raises OSError when it cannot be opened, HostError with the reason when it is not that.
        """
        table = self.table()
        if reason := self.not_mounted(table, dataset, mountpoint):
            raise errors.HostError(reason)
        with beneath.held(mountpoint) as handle:
            mount = _mount(handle, table)
            if mount.target != mountpoint or mount not in self.of(table, dataset):
                shown = self._name(mount)
                raise errors.HostError(f"{mountpoint} shows {shown}, not dataset {dataset}")
            yield handle

    def _name(self, mount: Mount) -> str:
        """What a mount shows, for people."""
        kind = "dataset" if mount.fstype == self._fstype else mount.fstype
        return f"{kind} {mount.source}"


def obstacle(error: OSError) -> str:
    """Why a path is not a directory that can be used, for people."""
    known = {
        errno.ENOENT: "it does not exist",
        errno.ELOOP: "there is a symbolic link in its path",
        errno.ENOTDIR: "something that is no directory is in its path",
        errno.EXDEV: "another file system is mounted in its path",
        errno.ENOTEMPTY: "it is not empty",
        errno.EACCES: "access is denied (is the key of this dataset loaded?)",
        errno.EAGAIN: "its path is being changed all the time; look who does that",
    }
    return known.get(error.errno or 0, f"it cannot be opened: {error.strerror}")


def _mount(handle: int, table: MountTable) -> Mount:
    number, device = beneath.mount_id(handle), os.fstat(handle).st_dev
    found = table.numbered(number)
    if found is None or found.device != (os.major(device), os.minor(device)):
        raise errors.HostError("what is mounted changed while it was looked at")
    return found
