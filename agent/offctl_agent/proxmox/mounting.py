"""Mounting a dataset onto a directory that is held open.

`zfs mount` takes a path and follows whatever link the root of a container puts into it, at worst
over /etc. Here the mountpoint is opened, or made, step by step through no link, and the kernel is
given exactly that directory. The options are those that `zfs mount` gives for the same properties.
"""

from collections.abc import Mapping
import ctypes
import os

from offctl.observed import Property
from offctl_agent.host import beneath

_RDONLY, _NOSUID, _NODEV, _NOEXEC = 0x01, 0x02, 0x04, 0x08
_NOATIME, _RELATIME, _STRICTATIME = 0x400, 0x200000, 0x1000000
_libc = ctypes.CDLL(None, use_errno=True)

# What must be known of a dataset to mount it.
PROPERTIES = (
    "atime",
    "canmount",
    "devices",
    "exec",
    "mountpoint",
    "readonly",
    "relatime",
    "setuid",
)


def mount(dataset: str, mountpoint: str, properties: Mapping[str, Property]) -> None:
    """Mount it; missing directories are made. Raises OSError: ENOTEMPTY for one that is used."""
    source = dataset.encode()
    with beneath.made(mountpoint) as handle:
        with beneath.inside(handle, "") as readable:
            beneath.refuse_occupied(readable)
        # The link leads to what is held open, whatever its path shows by now.
        target = f"/proc/self/fd/{handle}".encode()
        if _libc.mount(source, target, b"zfs", ctypes.c_ulong(flags(properties)), b"zfsutil") != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), mountpoint)


def flags(properties: Mapping[str, Property]) -> int:
    """The mount flags for what properties say."""

    def says(name: str, word: str) -> bool:
        found = properties.get(name)
        return found is not None and found.value == word

    atime = _STRICTATIME
    if says("atime", "off"):
        atime = _NOATIME
    elif says("relatime", "on"):
        atime = _RELATIME
    return (
        atime
        | _RDONLY * says("readonly", "on")
        | _NOSUID * says("setuid", "off")
        | _NODEV * says("devices", "off")
        | _NOEXEC * says("exec", "off")
    )
