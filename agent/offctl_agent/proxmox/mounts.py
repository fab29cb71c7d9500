"""What is mounted on this host, and what its paths really show.

"mounted=yes" is what ZFS believes; a dataset counts as mounted here only when the directory that is
opened at its mountpoint belongs to its own mount: by mount id and by device.
"""

from collections.abc import Callable, Iterator
import contextlib
import errno
import os
from pathlib import Path
from typing import TypeVar

from offctl import errors
from offctl_agent.host import beneath, mountinfo
from offctl_agent.host.mountinfo import Mount, MountTable

# Something else than a directory of ours is there; not a failure of the system.
IN_THE_WAY = frozenset(
    {errno.ELOOP, errno.ENOTDIR, errno.EXDEV, errno.ENOENT, errno.EAGAIN, errno.ENOTEMPTY}
)


Understood = TypeVar("Understood")


class Mounts:
    """The mounts of this process, read anew each time."""

    def __init__(self, source: Path = Path("/proc/self/mountinfo"), *, fstype: str = "zfs") -> None:
        """`fstype` is what a dataset is mounted as."""
        self._source = source
        self._fstype = fstype

    def table(self) -> MountTable:
        """All of them. Raises HostError."""
        return self._read(mountinfo.parse)

    def of(self, table: MountTable, dataset: str) -> tuple[Mount, ...]:
        """Every mount of a dataset as a whole, visible or hidden."""
        return tuple(m for m in table.mounts if _what(m) == (self._fstype, dataset, "/"))

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
                mount = self._mount(handle)
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
        with contextlib.ExitStack() as kept:
            try:
                handle = kept.enter_context(beneath.held(mountpoint))
            except OSError:
                # Mostly it is not mounted, and then there may be no such directory.
                if reason := self.not_mounted(self.table(), dataset, mountpoint):
                    raise errors.HostError(reason) from None
                raise
            mount = self._mount(handle)
            if (mount.target, *_what(mount)) != (mountpoint, self._fstype, dataset, "/"):
                reason = self.not_mounted(self.table(), dataset, mountpoint)
                shown = f"{mountpoint} shows {self._name(mount)}, not dataset {dataset}"
                raise errors.HostError(reason or shown)
            yield handle

    def _mount(self, handle: int) -> Mount:
        """What an open directory is in. Only that line is read: there may be hundreds."""
        number, device = beneath.mount_id(handle), os.fstat(handle).st_dev
        found = self._read(lambda content: mountinfo.numbered(content, number))
        if found is None or found.device != (os.major(device), os.minor(device)):
            raise errors.HostError("what is mounted changed while it was looked at")
        return found

    def _read(self, understood: Callable[[bytes], Understood]) -> Understood:
        try:
            return understood(self._source.read_bytes())
        except (OSError, errors.MalformedError) as error:
            cause = error.strerror if isinstance(error, OSError) else str(error)
            raise errors.HostError(f"cannot read what is mounted: {cause}") from error

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


def _what(mount: Mount) -> tuple[str, str, str]:
    return mount.fstype, mount.source, mount.root
