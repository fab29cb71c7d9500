"""The control groups of containers: which processes they hold, without starting anything.

PVE puts container 101 into `lxc/101`, LXC by itself into `lxc.payload.101`; systemd inside makes
the groups below. A container's root makes groups as it likes, so every walk here is bounded.
"""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import re

HIERARCHIES = ("sys/fs/cgroup", "sys/fs/cgroup/unified", "sys/fs/cgroup/systemd")
MAX_GROUPS = 4096
MAX_PIDS = 1 << 20  # bytes of one cgroup.procs

_INIT_FIRST = {"ns": 0, "init.scope": 0}
_POPULATED = re.compile(r"^populated 1$", re.MULTILINE)


def of_container(root: Path, number: int) -> tuple[Path, ...]:
    """The groups of a container that exist, most likely first."""
    found = []
    for hierarchy in HIERARCHIES:
        base = root / hierarchy
        found += [base / f"lxc/{number}", base / f"lxc.payload.{number}"]
        # LXC counts on when a group of that name was left behind.
        found += sorted(base.glob(f"lxc.payload.{number}-[0-9]*"))
    return tuple(path for path in found if path.is_dir())


def walk(group: Path) -> Iterator[Path]:
    """A group and all below it, outer ones first; at most MAX_GROUPS."""
    waiting, count = [group], 0
    while waiting and count < MAX_GROUPS:
        here = waiting.pop(0)
        count += 1
        yield here
        with contextlib.suppress(OSError), os.scandir(here) as entries:
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            waiting += [here / name for name in sorted(below, key=_init_first)]


def processes(group: Path) -> tuple[int, ...]:
    """The processes directly in a group; nothing when it is gone."""
    try:
        with (group / "cgroup.procs").open("rb") as file:
            content = file.read(MAX_PIDS)
    except OSError:
        return ()
    return tuple(int(word) for word in content.split() if word.isdigit() and len(word) < 10)


def populated(group: Path) -> bool:
    """Whether any process lives in a group or below it."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return _POPULATED.search((group / "cgroup.events").read_text("ascii")) is not None
    return any(processes(below) for below in walk(group))


def _init_first(name: str) -> tuple[int, str]:
    return _INIT_FIRST.get(name, 1), name
