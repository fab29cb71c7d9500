"""/etc/pve of a real host: container files, the ids of the cluster, and whether it can be written.

pmxcfs is a file system of its own: read-only without quorum (it takes the write bits away; access
checks lie for root), an empty directory when it is not mounted, without links and modes.
"""

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import os
from pathlib import Path
import re
import secrets
import time

from offctl import errors, files
from offctl_agent.host import failures, guests, storages
from offctl_agent.host.doors import Change
from offctl_agent.host.storages import Storage

MAX_FILE = 1024 * 1024  # pmxcfs takes no larger one
MAX_VMLIST = 16 * 1024 * 1024
WRITE = 0o200
LOCK_SECONDS = 10.0  # as long as PVE itself waits
LOCK_POLL = 0.1
NOT_MOUNTED = "/etc/pve is not mounted: /etc/pve/local is no symbolic link"

_FILE = re.compile(r"([1-9][0-9]{2,8})\.conf", re.ASCII)
# What a kill in the middle of an edit leaves; PVE's own have no last part.
_LEFT_OVER = re.compile(r"([1-9][0-9]{2,8})\.conf\.tmp\.[0-9]+\.[0-9a-f]{8}", re.ASCII)


def _silent() -> None:
    """No sign of life wanted."""


class Pve:
    """The configuration file system below `root` as `node` sees it."""

    def __init__(self, root: Path, node: str, alive: Callable[[], None] = _silent) -> None:
        self._root = root
        self._node = node
        self._alive = alive

    def missing(self) -> str:
        """Why nothing can be concluded from /etc/pve; empty when it is really there."""
        local = self._root / "etc/pve/local"
        try:
            target = local.readlink()
        except OSError as error:
            # An empty directory is what is there when pmxcfs is not.
            if error.errno in (errno.ENOENT, errno.EINVAL, errno.ENOTDIR):
                return NOT_MOUNTED
            return f"/etc/pve cannot be read: {error.strerror}"
        if target.name != self._node:
            return f"/etc/pve/local belongs to node {target.name!r}, not to {self._node}"
        try:
            os.listdir(self._directory)
        except OSError as error:
            return f"/etc/pve is not complete: nodes/{self._node}/lxc: {error.strerror}"
        return ""

    def quorate(self) -> bool:
        """Whether /etc/pve can be written. Raises AdminError when that cannot be told."""
        try:
            modes = [os.lstat(self._root / "etc/pve/local").st_mode]
            modes.append(os.lstat(self._directory).st_mode)
        except OSError as error:
            raise errors.AdminError(f"cannot read /etc/pve: {error.strerror}") from error
        return all(mode & WRITE for mode in modes)

    def numbers(self) -> tuple[int, ...]:
        """The ids of this node's containers. Raises AdminError."""
        if reason := self.missing():
            raise errors.AdminError(f"cannot list containers: {reason}")
        try:
            names = os.listdir(self._directory)
        except OSError as error:
            raise errors.AdminError(f"cannot list containers: {error.strerror}") from error
        return tuple(sorted(int(found[1]) for name in names if (found := _FILE.fullmatch(name))))

    def read(self, number: int) -> bytes | None:
        """A container's file; None when there is none here. Raises AdminError."""
        return files.read(self._path(number), limit=MAX_FILE)

    def edit(self, number: int, change: Change) -> None:
        """Replace a container's file by what `change` makes of it, as PVE itself would.

        Raises HostError; what `change` raises leaves the file as it is.
        """
        doing = f"edit the file of container {number}"
        with self._locked(number, doing):
            self._sweep(number)
            old = self.read(number)
            if old is None:
                raise failures.refusal(doing, failures.CONFLICT, "it does not exist")
            new = change(old)
            if new != old:
                self._replace(number, new, doing)

    def guests(self) -> tuple[tuple[int, str, str], ...]:
        """What lives elsewhere in the cluster or is a virtual machine. Raises OffctlError."""
        content = files.require(self._root / "etc/pve/.vmlist", limit=MAX_VMLIST)
        return tuple(g for g in guests.parse(content) if (g[1], g[2]) != ("lxc", self._node))

    def storages(self) -> dict[str, Storage]:
        """PVE's storages by name. Raises OffctlError."""
        if reason := self.missing():
            raise errors.AdminError(f"cannot read the storages: {reason}")
        content = files.require(self._root / "etc/pve/storage.cfg", limit=MAX_FILE)
        return storages.parse(content)

    @property
    def _directory(self) -> Path:
        return self._root / "etc/pve/nodes" / self._node / "lxc"

    def _path(self, number: int) -> Path:
        return self._directory / f"{number}.conf"

    def _sweep(self, number: int) -> None:
        """Under the lock nobody writes such a file; one that cannot be removed harms nobody."""
        with contextlib.suppress(OSError):
            for name in os.listdir(self._directory):
                if (found := _LEFT_OVER.fullmatch(name)) and int(found[1]) == number:
                    (self._directory / name).unlink()

    def _replace(self, number: int, content: bytes, doing: str) -> None:
        path = self._path(number)
        # The name PVE gives its own, which nothing takes for a container.
        temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            _write(temporary, content)
            temporary.rename(path)
            files.sync_directory(path.parent)
            if files.require(path, limit=MAX_FILE) != content:
                raise failures.refusal(doing, failures.FAILED, "it does not read back as written")
        except OSError as error:
            denied = error.errno in (errno.EACCES, errno.EROFS, errno.EPERM)
            code = failures.NO_QUORUM if denied else failures.FAILED
            raise failures.refusal(doing, code, str(error.strerror)) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, number: int, doing: str) -> Iterator[None]:
        """PVE's own lock on one container, waited for as PVE waits."""
        directory = self._root / "run/lock/lxc"
        files.make_directory(directory)
        path = directory / f"pve-config-{number}.lock"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(path, flags, 0o644)
        except OSError as error:
            raise failures.refusal(doing, failures.FAILED, f"{path}: {error.strerror}") from error
        try:
            until = time.monotonic() + LOCK_SECONDS
            while not _taken(descriptor):
                if time.monotonic() >= until:
                    cause = f"a task of PVE holds {path}"
                    raise failures.refusal(doing, failures.LOCKED, cause)
                self._alive()
                time.sleep(LOCK_POLL)
            yield
        finally:
            files.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    # pmxcfs gives every file this mode, and refuses others.
    descriptor = os.open(path, flags, 0o640)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
