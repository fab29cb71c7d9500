"""libzfs_core, loaded without starting a program.

cffi asks ctypes.util where a library is, and that runs `ldconfig` for each, or even a compiler.
The name the dynamic loader knows them by is the same in Debian 12 and 13. They are loaded when a
function of theirs is first asked for, so one of each is asked for here.
"""

from collections.abc import Iterator
import contextlib
import ctypes
import ctypes.util
import importlib
from typing import Any

from offctl import errors

_BINDINGS = {"libnvpair": "nvlist_free", "libzfs_core": "lzc_exists"}
_LOADED_AS = {"nvpair": "libnvpair.so.3", "zfs_core": "libzfs_core.so.3"}


def libzfs_core() -> Any:
    """The library. Raises HostError with what to install."""
    try:
        with _known_by_name():
            library = importlib.import_module("libzfs_core")
            for name, function in _BINDINGS.items():
                bound = importlib.import_module(f"libzfs_core.bindings.{name}")
                getattr(bound.lib, function)
            return library
    except (ImportError, OSError, AttributeError) as error:
        raise errors.HostError(
            f"cannot reach ZFS: libzfs_core cannot be loaded: {error}",
            hint="apt install python3-pyzfs",
        ) from error


@contextlib.contextmanager
def _known_by_name() -> Iterator[None]:
    search = ctypes.util.find_library

    def find(name: str) -> str | None:
        known = _LOADED_AS.get(name)
        return known if known is not None and _is_there(known) else search(name)

    ctypes.util.find_library = find
    try:
        yield
    finally:
        ctypes.util.find_library = search


def _is_there(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
