"""Directories that containers are shown: one that held something and is empty now holds a start.

A disk that was exchanged, a restore into the wrong place, an `rm` in the wrong window: what starts
on an empty directory writes as if nothing had ever been there, and hides the loss. What runs
already is left alone; it is the start and the restart that wait for a person.
"""

from collections.abc import Iterator

from offctl.desired.model import BindMount, Container, DesiredState
from offctl.observed import ObservedDirectory, ObservedState, Unknown
from offctl.planner import resources
from offctl.planner.draft import Draft

FILLED = "filled"
YES = "yes"


def reason(
    container: Container, desired: DesiredState, observed: ObservedState, draft: Draft
) -> str:
    """Why the container must not start now; empty when it may. Remembers what holds something."""
    said = ""
    for path, found in _seen(container, desired, observed):
        key = resources.directory(path).key
        if found.filled:
            draft.settled(resources.directory(path), FILLED, YES)
        elif draft.ledger.entry(key, FILLED) is not None and not said:
            said = (
                f"source {path} was not empty and is empty now; bring the data back, or, if it "
                f"shall be empty, `offctl-agent forget directory {path}`"
            )
    return said


def _seen(
    container: Container, desired: DesiredState, observed: ObservedState
) -> Iterator[tuple[str, ObservedDirectory]]:
    """What is shown of datasets that are where they belong; others have their own reasons."""
    if isinstance(observed.datasets, Unknown):
        return
    mounted = {dataset.name: dataset.mounted_at for dataset in observed.datasets}
    belongs = {dataset.name: dataset.mountpoint for dataset in desired.datasets}
    seen = dict(observed.directories)
    for mount in container.mounts:
        if not isinstance(mount, BindMount) or mount.dataset not in belongs:
            continue
        found = seen.get(mount.source)
        if mounted.get(mount.dataset) == belongs[mount.dataset] and isinstance(
            found, ObservedDirectory
        ):
            yield mount.source, found
