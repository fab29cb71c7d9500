"""Datasets: create what is missing, set what differs, mount what is not; never destroy or move."""

from collections.abc import Mapping
import re

from offctl.desired import properties
from offctl.desired.model import Dataset, DesiredState
from offctl.observed import ObservedDataset, ObservedState, Property, Unknown
from offctl.planner import actions, order, pools, resources
from offctl.planner.draft import ABSENT, Draft
from offctl.planner.ledger import EXISTS
from offctl.report import Difference

INHERIT = "inherit"
GONE = (
    "it was here and is gone; bring it back (zfs rename, zfs receive), or let offctl make a new, "
    "empty one with `offctl-agent forget`"
)
RENAMED = "it is called {} now; rename it back, or write its new name"
OVERRIDDEN = "is overridden by an option it was mounted with; mount it anew by hand in a window"
LOCKED = "the key of {} is not loaded; load it (zfs load-key), and offctl goes on"
MARKER = f"{properties.OWN_PREFIX}name"
# PVE names the disks of its guests so (facts: storage), and the datasets it keeps them in.
_PVE_VOLUME = re.compile(r"(?:^[^/]+|/pve|/(?:vm|base|subvol|basevol)-\d+-[^/]+)$")
# Why some properties of an existing dataset stay as they are.
_FIXED = {
    name: "can only be chosen at creation; copy the data to a new dataset by hand"
    for name in properties.CREATION_ONLY
} | {
    "mountpoint": "would move the data away from under its users; move it by hand in a window",
    "zoned": "would take the data away from under its users; do it by hand in a window",
}
NOT_INHERITED = "ZFS has nothing it could inherit; write what it should be"
UNMOUNTS = "would unmount it under its users; unmount it by hand in a window"
MOUNTED = "mounted"
NOT_MOUNTED = "not mounted"
# What is not given back when it leaves the text.
_STAYING = frozenset({EXISTS, MOUNTED, pools.GUID, *_FIXED, *properties.NEVER_INHERITED})


def plan(desired: DesiredState, observed: ObservedState, draft: Draft) -> None:
    """Plan every dataset, outer before inner, and tell of those that left the text."""
    if isinstance(observed.datasets, Unknown):
        _unread(desired, observed.datasets, draft)
        return
    found = {dataset.name: dataset for dataset in observed.datasets}
    for dataset in order.ordered(desired):
        if reason := pools.untouchable(dataset.name, observed):
            _unknown(dataset, reason, draft)
        else:
            _plan(dataset, found, desired, draft)
    if not isinstance(observed.pools, Unknown):
        _others(desired, found, draft)


def _unread(desired: DesiredState, unread: Unknown, draft: Draft) -> None:
    for dataset in desired.datasets:
        _unknown(dataset, unread.reason, draft)


def _unknown(dataset: Dataset, reason: str, draft: Draft) -> None:
    resource = resources.dataset(dataset.name)
    draft.counts(resource)
    draft.unknown(resource, reason)


def _plan(
    dataset: Dataset, found: Mapping[str, ObservedDataset], desired: DesiredState, draft: Draft
) -> None:
    resource = resources.dataset(dataset.name)
    draft.counts(resource)
    there = found.get(dataset.name)
    if dataset.replica_of:
        _plan_replica(dataset, there, draft)
    elif there is None:
        _plan_creation(dataset, found, desired, draft)
    elif there.kind != "filesystem":
        draft.blocked(
            resource,
            "manage",
            f"it is a {there.kind}, not a file system",
            [Difference(EXISTS, f"as a {there.kind}", "yes")],
        )
    else:
        draft.settled(resource, EXISTS, "yes")
        exports = _plan_properties(dataset, there, draft)
        _plan_mount(dataset, there, found, desired, draft)
        # `zfs set` mounts what it exports, by its path: it is mounted first.
        _plan_setting(dataset, "export", exports, draft)


def _plan_replica(dataset: Dataset, there: ObservedDataset | None, draft: Draft) -> None:
    if there is None:
        draft.blocked(
            resources.dataset(dataset.name),
            "receive",
            f"not received yet from {dataset.replica_of}; replication makes it, never offctl",
            [Difference(EXISTS, ABSENT, "yes")],
        )


def _plan_creation(
    dataset: Dataset, found: Mapping[str, ObservedDataset], desired: DesiredState, draft: Draft
) -> None:
    resource = resources.dataset(dataset.name)
    parent = dataset.name.rpartition("/")[0]
    wanted = {other.name for other in desired.datasets}
    differences = [Difference(EXISTS, ABSENT, "yes")]
    if draft.ledger.entry(resource.key, EXISTS) is not None:
        # Renamed, destroyed, or on a pool that was swapped: an empty one in its place would hide
        # the loss, and applications would write into it.
        renamed = _renamed(dataset.name, found)
        draft.blocked(resource, "create", RENAMED.format(renamed) if renamed else GONE, differences)
    elif not parent:
        draft.blocked(resource, "create", "it is a pool; pools are made by hand", differences)
    elif parent not in found and parent not in wanted:
        draft.blocked(
            resource,
            "create",
            f"its parent {parent} does not exist; declare it or create it by hand",
            differences,
        )
    elif parent in found and _locked(found[parent]):
        draft.blocked(resource, "create", LOCKED.format(parent), differences)
    elif outer := order.missing(dataset, found, desired):
        draft.blocked(resource, "create", order.WOULD_HIDE.format(outer), differences)
    else:
        differences += [Difference(k, ABSENT, v) for k, v in dataset.properties]
        draft.step(
            resource,
            "create",
            actions.CreateDataset(dataset.name, dataset.properties, dataset.mountpoint),
            differences=differences,
            requires=order.before(dataset, desired),
        )


def _locked(there: ObservedDataset) -> bool:
    """Whether it is encrypted and cannot be used for want of its key."""
    status = there.property("keystatus")
    return status is not None and status.value == "unavailable"


def _renamed(name: str, found: Mapping[str, ObservedDataset]) -> str:
    """What a dataset that was made here under a name is called now; no marker is handed down."""
    for other in found.values():
        marker = other.property(MARKER)
        if marker is not None and marker.source == "local" and marker.value == name:
            return other.name
    return ""


def _plan_properties(dataset: Dataset, there: ObservedDataset, draft: Draft) -> list[Difference]:
    """Plan all but what exports a file system that is not mounted; gives that."""
    resource = resources.dataset(dataset.name)
    changes, impossible = [], []
    for name, value in dataset.properties:
        now = there.property(name)
        if now is None and ":" in name:
            changes.append(Difference(name, ABSENT, value))
        elif now is None:
            impossible.append((Difference(name, "not supported", value), "unknown to this ZFS"))
        elif properties.equal(name, value, now.value):
            draft.settled(resource, name, value)
        elif name in _FIXED:
            impossible.append((Difference(name, now.value, value), _FIXED[name]))
        elif now.source == "temporary":
            impossible.append((Difference(name, now.value, value), OVERRIDDEN))
        elif (name, value) == ("canmount", "off") and there.mounted_at:
            impossible.append((Difference(name, now.value, value), UNMOUNTS))
        else:
            changes.append(Difference(name, now.value, value))
    for difference, why in impossible:
        draft.blocked(resource, f"set {difference.field}", why, [difference])
    late = [d for d in changes if d.field in properties.EXPORTS and not there.mounted_at]
    _plan_setting(dataset, "set properties", [d for d in changes if d not in late], draft)
    _plan_inheritance(dataset, there, draft)
    return late


def _plan_setting(dataset: Dataset, text: str, changes: list[Difference], draft: Draft) -> None:
    if changes:
        draft.step(
            resources.dataset(dataset.name),
            text,
            actions.SetProperties(dataset.name, tuple((d.field, d.desired) for d in changes)),
            differences=changes,
        )


def _plan_inheritance(dataset: Dataset, there: ObservedDataset, draft: Draft) -> None:
    resource = resources.dataset(dataset.name)
    differences = []
    for name in dataset.inherit:
        now = there.property(name)
        if now is not None and now.source == "local" and not properties.unlimited(name, now.value):
            difference = Difference(name, now.value, INHERIT)
            why = NOT_INHERITED if name in properties.NEVER_INHERITED else _FIXED.get(name, "")
            if why:
                draft.blocked(resource, f"inherit {name}", why, [difference])
            else:
                differences.append(difference)
        else:
            draft.settled(resource, name, INHERIT)
    written = {name for name, _ in dataset.properties} | set(dataset.inherit)
    for name, entry in draft.ledger.fields(resource.key).items():
        if name in written or not entry.ours or name in _STAYING:
            continue
        now = there.property(name)
        if (
            now is not None
            and now.source == "local"
            and properties.equal(name, entry.value, now.value)
        ):
            differences.append(Difference(name, now.value, INHERIT))
    if differences:
        draft.step(
            resource,
            "return to inherited values",
            actions.InheritProperties(dataset.name, tuple(d.field for d in differences)),
            differences=differences,
        )


def _plan_mount(
    dataset: Dataset,
    there: ObservedDataset,
    found: Mapping[str, ObservedDataset],
    desired: DesiredState,
    draft: Draft,
) -> None:
    resource = resources.dataset(dataset.name)
    canmount = there.property("canmount") or Property("on", "default")
    if dict(dataset.properties).get("canmount", canmount.value) == "off":
        return
    if there.mounted_at == dataset.mountpoint:
        draft.settled(resource, MOUNTED, dataset.mountpoint)
    elif there.mounted_at:
        draft.blocked(
            resource,
            "mount",
            f"it is mounted at {there.mounted_at}; unmount it by hand in a window",
            [Difference(MOUNTED, there.mounted_at, dataset.mountpoint)],
        )
    elif (place := there.property("mountpoint")) and place.value != dataset.mountpoint:
        draft.blocked(
            resource,
            "mount",
            f"its mountpoint is {place.value}, not {dataset.mountpoint}; move it by hand",
            [Difference(MOUNTED, NOT_MOUNTED, dataset.mountpoint)],
        )
    elif _locked(there):
        draft.blocked(
            resource,
            "mount",
            LOCKED.format(dataset.name),
            [Difference(MOUNTED, NOT_MOUNTED, dataset.mountpoint)],
        )
    elif outer := order.missing(dataset, found, desired):
        draft.blocked(
            resource,
            "mount",
            order.WOULD_HIDE.format(outer),
            [Difference(MOUNTED, NOT_MOUNTED, dataset.mountpoint)],
        )
    else:
        draft.step(
            resource,
            "mount",
            actions.MountDataset(dataset.name, dataset.mountpoint),
            differences=[Difference(MOUNTED, NOT_MOUNTED, dataset.mountpoint)],
            requires=order.before(dataset, desired),
        )


def _others(desired: DesiredState, found: Mapping[str, ObservedDataset], draft: Draft) -> None:
    """Tell of datasets that are not in the text; parents of declared ones and PVE's own are."""
    wanted = {dataset.name for dataset in desired.datasets}
    for name in sorted(found.keys() - wanted):
        resource = resources.dataset(name)
        if draft.ledger.entry(resource.key, EXISTS) is not None:
            draft.orphan(resource, "left the text; it stays as it is")
        elif not (
            any(other.startswith(name + "/") for other in wanted)
            or any(f"{name}/".startswith(f"{given}/") for given in desired.unmanaged)
            or _PVE_VOLUME.search(name)
        ):
            draft.unmanaged(resource, "not in the text")
