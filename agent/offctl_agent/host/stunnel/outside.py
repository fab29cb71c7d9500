"""Looking into a place's tree from the host, without starting anything there.

Everything on the way is opened below the root of the place, through no link and into no other
mount, so that nothing its root makes leads out of it or keeps us waiting. What cannot be seen this
way is OSError, which says nothing about what is there: it has to be asked for from inside.
"""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import stat

from offctl_agent.host import beneath

_TREE = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

Signature = tuple[int, ...]


@contextlib.contextmanager
def tree(proc: Path, pid: int) -> Iterator[int]:
    """The root directory of a process, held."""
    held = os.open(proc / str(pid) / "root", _TREE)
    try:
        yield held
    finally:
        os.close(held)


def target(top: int, path: str) -> str:
    """Where a symbolic link leads, in its own words."""
    parent, _, name = path.strip("/").rpartition("/")
    with beneath.inside(top, parent) as directory:
        return os.readlink(name, dir_fd=directory)  # noqa: PTH115 - below a held directory


def read(top: int, path: str, limit: int) -> bytes:
    """A regular file, whole."""
    with _file(top, path) as file:
        # Without waiting for whoever has a lease on it.
        again = os.open(f"/proc/self/fd/{file}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(again, "rb", buffering=0) as opened:  # noqa: PTH123
            content = opened.read(limit + 1) or b""
    if len(content) > limit:
        raise OSError(f"{path} has more than {limit} bytes")
    return content


def signature(top: int, path: str) -> Signature:
    """What is another whenever a regular file or its permissions have changed."""
    with _file(top, path) as file:
        found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size, found.st_mode


@contextlib.contextmanager
def _file(top: int, path: str) -> Iterator[int]:
    parent, _, name = path.strip("/").rpartition("/")
    with beneath.inside(top, parent) as directory:
        file = os.open(name, _FILE, dir_fd=directory)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(f"{path} is not a regular file")
        yield file
    finally:
        os.close(file)
