"""Directories inside mounted datasets: looked at, made and given away by what was opened.

Whoever is root in a container may exchange any name here at any moment. Nothing is done to a path:
the dataset is opened and proven to be it, the directory below is opened from there without
following anything, and owner and mode are set on that. Nothing is ever done to what lies inside.
"""

from collections.abc import Iterable, Iterator
import contextlib
import os
import stat

from offctl import errors
from offctl.desired import names
from offctl.desired.model import Access
from offctl.observed import ObservedDirectory, Unknown
from offctl.planner import actions as act
from offctl_agent.host import beneath, failures
from offctl_agent.proxmox import mounts
from offctl_agent.proxmox.mounts import Mounts

_NEW = 0o755
_SHOWN = 5

Seen = tuple[str, ObservedDirectory | Unknown | None]


class Directories:
    """The directories of this host; what acts raises HostError."""

    def __init__(self, table: Mounts) -> None:
        self._mounts = table

    def observe(self, paths: Iterable[str]) -> tuple[Seen, ...]:
        """What is at each absolute path: a directory, None when nothing is, or Unknown."""
        return tuple((path, _look(path)) for path in sorted(set(paths)))

    def make(self, action: act.MakeDirectory) -> None:
        """Make one directory whose parent exists, with its owner and mode."""
        doing = f"make directory {action.mountpoint}/{action.path}"
        outer, _, name = _checked(action.path, doing).rpartition("/")
        with self._opened(action.dataset, action.mountpoint, outer, doing) as parent, _told(doing):
            try:
                os.mkdir(name, 0o700, dir_fd=parent)  # noqa: PTH102 - below a held directory
            except FileExistsError:
                new = False
            else:
                new = True
            with beneath.inside(parent, name) as handle:
                if new:
                    _refuse_exchanged(handle, doing)
                _own(handle, _whole(action.access) if new else action.access, doing)

    def set_access(self, action: act.SetAccess) -> None:
        """Set owner and mode of one directory; parts that are None stay as they are."""
        doing = f"set the owner of {action.mountpoint}/{action.path}".rstrip("/")
        path = _checked(action.path, doing) if action.path else ""
        with self._opened(action.dataset, action.mountpoint, path, doing) as handle, _told(doing):
            _own(handle, action.access, doing)

    def unfit(self, source: act.Source) -> str:
        """Why this is not what a container should be given; empty when it is."""
        if not source.dataset:
            return obstacle(source.path)
        try:
            with (
                self._mounts.top(source.dataset, source.mountpoint) as top,
                beneath.inside(top, os.path.relpath(source.path, source.mountpoint)),
            ):
                return ""
        except OSError as error:
            return mounts.obstacle(error)
        except errors.HostError as error:
            return str(error)

    def obstacle(self, path: str) -> str:
        """Why a path is not a directory reached without symbolic links; empty when it is."""
        return obstacle(path)

    @contextlib.contextmanager
    def _opened(self, dataset: str, mountpoint: str, path: str, doing: str) -> Iterator[int]:
        with contextlib.ExitStack() as kept:
            try:
                top = kept.enter_context(self._mounts.top(dataset, mountpoint))
                handle = kept.enter_context(beneath.inside(top, path))
            except OSError as error:
                cause = mounts.obstacle(error)
                raise failures.refusal(doing, failures.PREFLIGHT, cause) from error
            except errors.HostError as error:
                raise failures.refusal(doing, failures.PREFLIGHT, str(error)) from None
            yield handle


def obstacle(path: str, *, absent: str = "it does not exist") -> str:
    """Why a path is not a directory reached without symbolic links; empty when it is."""
    try:
        with beneath.held(path):
            return ""
    except FileNotFoundError:
        return absent
    except OSError as error:
        return mounts.obstacle(error)


def contents(path: str) -> tuple[str, ...] | None:
    """Some names of a directory, sorted; None when there is none. Raises OSError."""
    try:
        with (
            beneath.held(path) as handle,
            beneath.inside(handle, "") as readable,
            os.scandir(readable) as entries,
        ):
            # Enough to show; a directory may hold millions.
            found = [entry.name for entry, _ in zip(entries, range(1000), strict=False)]
    except FileNotFoundError:
        return None
    shown = [repr(name)[1:-1] for name in sorted(found)]
    return (*shown[:_SHOWN], *(["..."] if len(shown) > _SHOWN else []))


def _look(path: str) -> ObservedDirectory | Unknown | None:
    try:
        with beneath.held(path) as handle:
            found = os.fstat(handle)
            with beneath.inside(handle, "") as readable:
                filled = beneath.occupied(readable)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unknown(f"{path}: {mounts.obstacle(error)}")
    return ObservedDirectory(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode), filled)


def _checked(path: str, doing: str) -> str:
    try:
        return names.relative_path(path)
    except errors.MalformedError as error:
        raise failures.refusal(doing, failures.PREFLIGHT, str(error)) from None


@contextlib.contextmanager
def _told(doing: str) -> Iterator[None]:
    """System calls that fail, as HostErrors."""
    try:
        yield
    except OSError as error:
        code = failures.PREFLIGHT if error.errno in mounts.IN_THE_WAY else failures.FAILED
        raise failures.refusal(doing, code, mounts.obstacle(error)) from error


def _refuse_exchanged(handle: int, doing: str) -> None:
    """What was opened must be what was made: nobody in a container can make one of root's."""
    found = os.fstat(handle)
    # A directory with the setgid bit hands it down.
    if (found.st_uid, found.st_mode & 0o777) != (os.geteuid(), 0o700) or os.listdir(handle):
        cause = "somebody put another directory in its place at that moment"
        raise failures.refusal(doing, failures.PREFLIGHT, cause, hint="look who does that")


def _whole(access: Access) -> Access:
    return Access(access.uid, access.gid, _NEW if access.mode is None else access.mode)


def _own(handle: int, access: Access, doing: str) -> None:
    """Owner first: giving away may clear bits of the mode. What is right already is left alone."""
    found = os.fstat(handle)
    uid = found.st_uid if access.uid is None else access.uid
    gid = found.st_gid if access.gid is None else access.gid
    mode = stat.S_IMODE(found.st_mode) if access.mode is None else access.mode
    if (uid, gid) != (found.st_uid, found.st_gid):
        os.fchown(handle, uid, gid)
    if mode != stat.S_IMODE(os.fstat(handle).st_mode):
        os.fchmod(handle, mode)
    now = os.fstat(handle)
    if (now.st_uid, now.st_gid, stat.S_IMODE(now.st_mode)) != (uid, gid, mode):
        raise failures.refusal(doing, failures.FAILED, "it did not stay as it was set")
