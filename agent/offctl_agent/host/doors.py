"""The doors through which actions on containers reach a host; each kind of host has its own set.

What to do, in which order, and what to believe stands once, in host/containers.py.
"""

from collections.abc import Callable
from typing import Protocol

from offctl.planner.actions import Source
from offctl.planner.commands import Command

Change = Callable[[bytes], bytes]


class Pve(Protocol):
    """/etc/pve as this node sees it."""

    def missing(self) -> str:
        """Why nothing can be concluded from it; empty when it is really there."""
        ...

    def quorate(self) -> bool:
        """Whether it can be written."""
        ...

    def read(self, number: int) -> bytes | None:
        """A container's file; None when there is none here. Raises OffctlError."""
        ...

    def edit(self, number: int, change: Change) -> None:
        """Replace a container's file by `change(file)` under PVE's own lock.

        What `change` raises comes through and leaves the file as it is. Raises HostError.
        """
        ...


class Calls(Protocol):
    """The programs of the host."""

    def run(self, doing: str, argv: Command) -> None:
        """Run one to its end. Raises HostError for whatever is no success."""
        ...


class Sources(Protocol):
    """What containers show of the host, and whose ids they may use."""

    def unfit(self, source: Source) -> str:
        """Why this is not what should be mounted; empty when it is. Raises OffctlError."""
        ...

    def obstacle(self, path: str) -> str:
        """Why a path is not a directory reached without symbolic links; empty when it is."""
        ...

    def granted(self) -> tuple[tuple[str, int, int], ...]:
        """What root may map: (kind, start, count). Raises OffctlError."""
        ...


class Life(Protocol):
    """Which containers live."""

    def running(self, number: int) -> bool:
        """Whether it runs now. Raises OffctlError when that cannot be told."""
        ...
