"""Which containers of a real host run: from the kernel's own files, no `pct` and no `lxc-info`.

A running container has a monitor that listens on an abstract socket (the test PVE itself makes)
and an init process in its control group. One without the other is a moment in between, or trouble.
"""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import re
import time

from offctl import errors, files
from offctl_agent.proxmox import cgroups, process
from offctl_agent.proxmox.process import Process

MAX_SOCKETS = 64 * 1024 * 1024
# A container that has just been started or stopped gets this long to be the one or the other.
TRIES = 5
PAUSE = 0.2

# Flags 00010000: it listens. A client's end has the same name and does not.
_MONITOR = re.compile(
    rb"^\S+: \S+ \S+ 00010000 \S+ \S+ +\S+ @/var/lib/lxc/([1-9][0-9]{2,8})/command$", re.MULTILINE
)


class Running:
    """The living containers below `root`; satisfies host.doors.Life with `running`."""

    def __init__(self, root: Path, pause: float = PAUSE) -> None:
        self._root = root
        self._pause = pause

    def monitored(self) -> frozenset[int]:
        """The ids of containers whose monitor listens. Raises AdminError."""
        content = files.require(self._root / "proc/net/unix", limit=MAX_SOCKETS)
        return frozenset(int(found) for found in _MONITOR.findall(content))

    def running(self, number: int, known: frozenset[int] | None = None) -> bool:
        """Whether it runs now. Raises AdminError while it is neither up nor down.

        `known` is what `monitored` has just said, for who asks about many.
        """
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._pause)
                known = None
            monitored = number in (self.monitored() if known is None else known)
            alive = self._populated(number)
            if monitored == alive:
                return monitored
        raise errors.AdminError(f"cannot tell whether container {number} runs: {_between(alive)}")

    @contextlib.contextmanager
    def init(self, number: int) -> Iterator[Process]:
        """The init process of a container that runs. Raises AdminError when none is found."""
        for group in cgroups.of_container(self._root, number):
            for here in cgroups.walk(group):
                for pid in cgroups.processes(here):
                    with contextlib.ExitStack() as held:
                        try:
                            found = held.enter_context(process.opened(self._root, pid))
                            is_init = found.is_init()
                        except errors.AdminError:
                            continue  # it has ended since
                        if is_init:
                            yield found
                            return
        raise errors.AdminError(f"cannot find the init process of container {number}")

    def groups(self, number: int) -> tuple[Path, ...]:
        """Its control groups that hold processes."""
        found = cgroups.of_container(self._root, number)
        return tuple(group for group in found if cgroups.populated(group))

    def _populated(self, number: int) -> bool:
        return bool(self.groups(number))


def _between(alive: bool) -> str:
    if alive:
        return "its processes live, but nothing watches over them"
    return "it is just starting or stopping"
