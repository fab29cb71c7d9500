"""Directories reached step by step, no symbolic link followed, as PVE does it for mounts."""

import errno
import os
import stat

_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def obstacle(path: str) -> str:
    """Why a path is no directory reached without links: "missing", "symlink" or "file"."""
    walked = b""
    for component in _components(path):
        walked += b"/" + component
        try:
            mode = os.lstat(walked).st_mode
        except OSError:
            return "missing"
        if stat.S_ISLNK(mode):
            return "symlink"
        if not stat.S_ISDIR(mode):
            return "file"
    return ""


def opened(path: str) -> int:
    """A descriptor of a directory. Raises OSError: ENOENT, or ENOTDIR for a link or a file."""
    return _walked(os.open("/", _FLAGS | os.O_DIRECTORY), path, None)


def made(root: str, path: str, owner: tuple[int, int]) -> int:
    """As `opened`, inside `root`; what is missing is made and belongs to `owner`."""
    return _walked(os.open(root, _FLAGS | os.O_DIRECTORY), path, owner)


def _walked(here: int, path: str, owner: tuple[int, int] | None) -> int:
    for component in _components(path):
        try:
            following = _step(here, component, owner)
        finally:
            os.close(here)
        here = following
    return here


def _step(here: int, component: bytes, owner: tuple[int, int] | None) -> int:
    try:
        found = os.open(component, _FLAGS, dir_fd=here)
    except FileNotFoundError:
        if owner is None:
            raise
        os.mkdir(component, 0o755, dir_fd=here)  # noqa: PTH102
        os.chown(component, *owner, dir_fd=here, follow_symlinks=False)
        return os.open(component, _FLAGS, dir_fd=here)
    if not stat.S_ISDIR(os.fstat(found).st_mode):
        os.close(found)
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return found


def _components(path: str) -> list[bytes]:
    """As Perl does it: characters are bytes as long as they all fit into one."""
    try:
        whole = path.encode("latin-1")
    except UnicodeEncodeError:
        whole = path.encode()
    return [part for part in whole.split(b"/") if part not in (b"", b".")]
