"""Whether services run inside a container, told by their control groups; nothing is started there.

systemd gives every service with a process a group of its name. That tells "runs" from "does not";
not whether it failed or was never there, and nothing of units that have no processes.
"""

from collections.abc import Iterable
from pathlib import Path

from offctl.observed import SERVICE_RUNS
from offctl_agent.proxmox import cgroups

NOT_RUNNING = "no process of it runs"
SUFFIX = ".service"


def states(groups: Iterable[Path], wanted: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(service, SERVICE_RUNS or why not) for each wanted one that can be judged."""
    asked = sorted(name for name in set(wanted) if name.endswith(SUFFIX))
    if not asked:
        return ()
    alive: set[str] = set()
    for group in groups:
        for here in cgroups.walk(group):
            # systemd writes an underscore before names that the kernel uses itself.
            names = {here.name, here.name.removeprefix("_")}
            if names.intersection(asked) and cgroups.populated(here):
                alive |= names
    return tuple((name, SERVICE_RUNS if name in alive else NOT_RUNNING) for name in asked)
