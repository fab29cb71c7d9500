"""Which dataset must be mounted before which: by the directories they appear in, not by name.

A dataset may appear below a directory of another pool. Mounted before it, or while that one is not
mounted, it is hidden as soon as the outer one comes: seen as an outage, found as "mounted=yes".
"""

from collections.abc import Mapping

from offctl.desired.model import Dataset, DesiredState
from offctl.observed import ObservedDataset
from offctl.planner import resources

WOULD_HIDE = (
    "its directory belongs to {0}, which is not mounted and would hide it later; mount {0} first"
)


def ordered(desired: DesiredState) -> tuple[Dataset, ...]:
    """Every dataset after all that `before` says of it, else by name."""
    keys = {resources.dataset(d.name).key: d for d in sorted(desired.datasets, key=_name)}
    done: dict[str, Dataset] = {}
    begun: set[str] = set()

    def take(key: str) -> None:
        if key not in keys or key in begun:
            return
        begun.add(key)
        for earlier in before(keys[key], desired):
            # Its own child can only come later, wherever that one appears.
            if not earlier.startswith(f"{key}/"):
                take(earlier)
        done[key] = keys[key]

    for key in keys:
        take(key)
    return tuple(done.values())


def before(dataset: Dataset, desired: DesiredState) -> list[str]:
    """The keys of its parent, and of the declared dataset in whose directory it appears."""
    parent = dataset.name.rpartition("/")[0]
    outer = _outermost(dataset, {d.name: d.mountpoint for d in desired.datasets if _mounts(d)})
    return [resources.dataset(name).key for name in dict.fromkeys((parent, outer)) if name]


def missing(dataset: Dataset, found: Mapping[str, ObservedDataset], desired: DesiredState) -> str:
    """A dataset that should show where this one is to appear, does not, and will not be mounted.

    One that is declared, and no replica, is mounted before; a replica is mounted by whoever
    receives it.
    """
    ours = {d.name for d in desired.datasets if _mounts(d) and not d.replica_of}
    places = {name: _place(each) for name, each in found.items()}
    outer = _outermost(dataset, places)
    if not outer or outer in ours or found[outer].mounted_at == places[outer]:
        return ""
    return outer


def _outermost(dataset: Dataset, places: Mapping[str, str]) -> str:
    """The dataset with the nearest mountpoint above."""
    above = [
        (len(place), name)
        for name, place in places.items()
        if place and name != dataset.name and dataset.mountpoint.startswith(place.rstrip("/") + "/")
    ]
    return max(above, default=(0, ""))[1]


def _name(dataset: Dataset) -> str:
    return dataset.name


def _mounts(dataset: Dataset) -> bool:
    return dict(dataset.properties).get("canmount", "on") != "off"


def _place(dataset: ObservedDataset) -> str:
    """Where a dataset is mounted at boot; empty when it is not."""
    canmount, place = dataset.property("canmount"), dataset.property("mountpoint")
    if dataset.kind != "filesystem" or (canmount is not None and canmount.value != "on"):
        return ""
    return place.value if place is not None and place.value.startswith("/") else ""
