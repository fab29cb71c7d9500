"""Opening directories below a directory that is held open, without ever following anything.

The root of a container can exchange any name below a dataset for a symbolic link at any moment, so
no path is checked first and used later: it is opened once, and everything is done to what was
opened. Absolute paths are opened the same way from /, across mounts but through no link.
"""

from collections.abc import Iterator
import contextlib
import ctypes
import errno
import fcntl
import os
import stat
import struct

_OPENAT2 = 437  # the same number on every architecture
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08
_STRICT = _NO_MAGICLINKS | _NO_SYMLINKS
_HOLD = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_CHANGE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NONBLOCK
_AT_FDCWD = -100
# A rename anywhere can make the kernel give up a walk; one that races all the time is an attack.
_TRIES = 100
_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long


@contextlib.contextmanager
def held(path: str) -> Iterator[int]:
    """A directory at an absolute path, held but not readable; OSError as open(2) would say.

    ELOOP is a symbolic link anywhere in the path, ENOTDIR something that is no directory.
    """
    with contextlib.ExitStack() as kept:
        root = _closing(kept, os.open("/", _HOLD))
        inside = path.strip("/")
        yield _closing(kept, _open(root, inside, _HOLD, _STRICT)) if inside else root


@contextlib.contextmanager
def made(path: str) -> Iterator[int]:
    """As `held`, after making the directories that are missing (root's, 0755)."""
    with contextlib.ExitStack() as kept:
        here = _closing(kept, os.open("/", _HOLD))
        for name in path.strip("/").split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=here)  # noqa: PTH102 - below a held directory
            here = _closing(kept, _open(here, name, _HOLD, _STRICT))
        yield here


@contextlib.contextmanager
def inside(top: int, path: str) -> Iterator[int]:
    """A readable directory at a relative path below `top`, in the same mount; "" is `top` itself.

    EXDEV is a mount in the way.
    """
    with contextlib.ExitStack() as kept:
        yield _closing(kept, _open(top, path or ".", _CHANGE, _STRICT | _NO_XDEV | _BENEATH))


def refuse_occupied(handle: int) -> None:
    """Raise OSError (ENOTEMPTY) when an open, readable directory holds anything."""
    if occupied(handle):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))


def occupied(handle: int) -> bool:
    """Whether an open, readable directory holds anything; leaves no trace of having looked."""
    with contextlib.suppress(PermissionError):  # only its owner and root may
        fcntl.fcntl(handle, fcntl.F_SETFL, os.O_NOATIME)
    with os.scandir(handle) as entries:
        return next(entries, None) is not None


def mount_id(handle: int) -> int:
    """The id, in /proc/self/mountinfo, of the mount that an open directory is in."""
    with open(f"/proc/self/fdinfo/{handle}", encoding="ascii") as file:  # noqa: PTH123
        lines = dict(line.split(":", 1) for line in file if ":" in line)
    return int(lines["mnt_id"])


def supported() -> bool:
    """Whether this kernel has openat2 (5.6 and later); without it a slower way is used."""
    try:
        os.close(_openat2(_AT_FDCWD, "/", _HOLD, _STRICT))
    except OSError:
        return False
    return True


def _closing(kept: contextlib.ExitStack, handle: int) -> int:
    kept.callback(os.close, handle)
    return handle


def _open(top: int, path: str, flags: int, resolve: int) -> int:
    try:
        return _openat2(top, path, flags, resolve)
    except OSError as error:
        # EPERM is what a system call filter answers that does not know it.
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    return step_by_step(top, path, flags, one_mount=bool(resolve & _NO_XDEV))


def _openat2(top: int, path: str, flags: int, resolve: int) -> int:
    how = ctypes.create_string_buffer(struct.pack("=QQQ", flags, 0, resolve), 24)
    name = ctypes.c_char_p(os.fsencode(path))
    for _ in range(_TRIES):
        handle: int = _syscall(_OPENAT2, ctypes.c_int(top), name, how, ctypes.c_size_t(24))
        if handle >= 0:
            return handle
        number = ctypes.get_errno()
        if number not in (errno.EINTR, errno.EAGAIN):
            break
    raise OSError(number, os.strerror(number), path)


def step_by_step(top: int, path: str, flags: int, *, one_mount: bool) -> int:
    """The same without openat2: one component at a time, each opened from the one before.

    A component that is a link is not followed (O_NOFOLLOW with O_DIRECTORY: ENOTDIR, told apart
    here); `..` is not accepted at all, so no step leads up.
    """
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
    here = os.open(".", _HOLD, dir_fd=top)
    try:
        mount = mount_id(here)
        for name in names:
            below = _step(here, name, path)
            os.close(here)
            here = below
            if one_mount and mount_id(here) != mount:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
        # The last one again with the flags asked for: "." of a held directory is that directory.
        return os.open(".", flags, dir_fd=here)
    finally:
        os.close(here)


def _step(here: int, name: str, path: str) -> int:
    try:
        return os.open(name, _HOLD | os.O_NOFOLLOW, dir_fd=here)
    except NotADirectoryError:
        number = errno.ELOOP if _is_link(here, name) else errno.ENOTDIR
        raise OSError(number, os.strerror(number), path) from None


def _is_link(here: int, name: str) -> bool:
    """For the words only; nothing is decided by it."""
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)  # noqa: PTH116
    except OSError:
        return False
