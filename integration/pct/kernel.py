"""The system calls about mounts and namespaces that Python 3.11 has no functions for."""

import ctypes
import os

CLONE_NEWNS = 0x00020000
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_MS_REC, _MS_SLAVE, _MS_PRIVATE = 0x4000, 1 << 19, 1 << 18
_OPEN_TREE_CLONE = 1
_OPEN_TREE_CLOEXEC = os.O_CLOEXEC
_MOVE_MOUNT_F_EMPTY_PATH = 0x4
_MOVE_MOUNT_T_EMPTY_PATH = 0x40
# The same numbers on every architecture.
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442

ATTRIBUTES = {"ro": 0x1, "nosuid": 0x2, "nodev": 0x4, "noexec": 0x8, "noatime": 0x10}
_ATIME_MASK = 0x70

_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def leave_mount_namespace() -> None:
    """Mounts made from here on are nobody else's; unmounts of the host still arrive."""
    _checked(_libc.unshare(CLONE_NEWNS))
    _checked(_libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None))


def enter_mount_namespace(pid: int) -> None:
    """See the mounts another process sees, and its root."""
    descriptor = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _checked(_libc.setns(descriptor, CLONE_NEWNS))
    finally:
        os.close(descriptor)


def clone_directory(descriptor: int) -> int:
    """A detached mount of one directory, without what is mounted below it."""
    flags = _AT_EMPTY_PATH | _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    return _checked(_libc.syscall(_OPEN_TREE, descriptor, b"", flags))


def set_attributes(mount: int, *names: str) -> None:
    """Make a detached mount private, and read-only, nodev, ... as asked."""
    wanted = 0
    for name in names:
        wanted |= ATTRIBUTES.get(name, 0)
    clear = _ATIME_MASK if wanted & ATTRIBUTES["noatime"] else 0
    values = _MountAttributes(wanted, clear, _MS_PRIVATE, 0)
    size = ctypes.sizeof(values)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    _checked(_libc.syscall(_MOUNT_SETATTR, mount, b"", flags, ctypes.byref(values), size))


def attach(mount: int, target: int) -> None:
    """Put a detached mount on a directory, both by descriptor."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
    _checked(_libc.syscall(_MOVE_MOUNT, mount, b"", target, b"", flags))


def unmount(path: str) -> None:
    """Take away the last mount on a path."""
    _checked(_libc.umount2(os.fsencode(path), 0))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
