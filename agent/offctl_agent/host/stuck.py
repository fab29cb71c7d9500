"""Processes of our own service that were killed and cannot die: they hang in the kernel.

Mostly a disk has hung them, and it would hang the next one too, and one more each time. Nothing
here touches a disk.
"""

import contextlib
import os
from pathlib import Path
import re

PROC, GROUPS = Path("/proc"), Path("/sys/fs/cgroup")

_PENDING = re.compile(r"^(?:SigPnd|ShdPnd):\s+([0-9a-f]+)$", re.MULTILINE)
_SIGKILL = 1 << 8
_NAME = 15  # what the kernel keeps of a program's name


def of(program: str, proc: Path = PROC, groups: Path = GROUPS) -> tuple[int, ...]:
    """Those that run `program` and that a SIGKILL waits for; none when we are no service."""
    try:
        group = (proc / "self/cgroup").read_text().rpartition("0::")[2].strip()
        if not group.endswith(".service"):
            return ()
        members = (groups / group.lstrip("/") / "cgroup.procs").read_text().split()
    except OSError:
        return ()
    others = sorted({int(member) for member in members} - {os.getpid()})
    name = Path(program).name[:_NAME]
    return tuple(number for number in others if _is_stuck(proc / str(number), name))


def agents(proc: Path = PROC, groups: Path = GROUPS) -> tuple[int, ...]:
    """Agents before this one: those of our own name."""
    try:
        return of((proc / "self/comm").read_text().strip(), proc, groups)
    except OSError:
        return ()


def told(what: str, numbers: tuple[int, ...]) -> str:
    """In words, for people."""
    who = ", ".join(map(str, numbers))
    return f"{what} was killed and hangs in the kernel (process {who})"


def _is_stuck(process: Path, name: str) -> bool:
    # It may be gone by now.
    with contextlib.suppress(OSError):
        masks = _PENDING.findall((process / "status").read_text())
        killed = any(int(mask, 16) & _SIGKILL for mask in masks)
        return killed and (process / "comm").read_text().strip() == name
    return False
