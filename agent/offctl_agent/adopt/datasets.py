"""Which datasets a site can speak of as they are, and their properties that somebody set."""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from offctl import errors
from offctl.desired import exports, names, properties
from offctl.desired.model import Dataset
from offctl.observed import ObservedDataset
from offctl_agent.adopt.left import Lefts
from offctl_agent.host.storages import Storage

AT_BOOT = "org.openzfs.systemd:requires-mounts-for"
_PLAIN = re.compile(r"[A-Za-z0-9/._:-]+")
_PVE_DISK = re.compile(r"/(?:vm|base|subvol|basevol)-\d+-[^/]+$")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The datasets without their owners, PVE's storages on them, and what is somebody else's."""

    datasets: tuple[Dataset, ...]
    storage: Mapping[str, str]
    unmanaged: tuple[str, ...]


@dataclass(slots=True)
class _Choosing:
    found: Mapping[str, ObservedDataset]
    ready: frozenset[str]
    storages: Mapping[str, str]
    lefts: Lefts
    taken: dict[str, str]  # name -> its path
    set_here: dict[str, str]
    foreign: list[str]

    def take(self, name: str) -> None:
        there = self.found[name]
        if any(name.startswith(f"{other}/") for other in self.foreign):
            return  # told of with what is above it
        if _PVE_DISK.search(name) and self._storage_of(name):
            return
        parent = name.rpartition("/")[0]
        reason = self._complaint(there)
        if not reason and "/" in parent and parent not in self.taken:
            reason = f"{parent} above it is not taken over"
        reason = reason or self._place(there)
        if not reason:
            return
        what = f"dataset {name}"
        self.lefts.leave(what, reason)
        # A pool that is somebody else's would be so with all that is in it.
        if parent and not names.dataset_complaint(name) and name.split("/")[0] in self.ready:
            self.foreign.append(name)

    def _complaint(self, there: ObservedDataset) -> str:
        name = there.name
        if name.split("/")[0] not in self.ready:
            return "its pool is not imported and writable"
        if names.dataset_complaint(name):
            return "its name cannot be written in a site"
        if storage := self._storage_of(name):
            return f"it is inside PVE's storage {storage!r}"
        if there.kind != "filesystem":
            return f"it is a {there.kind}, not a file system"
        if any(d.mounted_at == "/" for d in self._within(name)):
            return "the host's own system is in it"
        if any(value.source == "received" for _, value in there.properties):
            return 'it is received from elsewhere; write replica_of = "HOST" at its place by hand'
        return self._place_complaint(there)

    def _place_complaint(self, there: ObservedDataset) -> str:
        place, canmount = _value(there, "mountpoint"), _value(there, "canmount") or "on"
        if canmount == "off":
            return ""
        if not there.mounted_at:
            if _value(there, "keystatus") == "unavailable":
                return "its key is not loaded, so it is not mounted"
            return f"it is not mounted where it should be (canmount={canmount}, mountpoint={place})"
        if place != there.mounted_at:
            return f"it is mounted at {there.mounted_at}, and its mountpoint is {place}"
        return names.path_complaint(place)

    def _place(self, there: ObservedDataset) -> str:
        """Take it at its path; why that is not possible, else."""
        own, expected = there.property("mountpoint"), self._expected(there.name)
        at = there.mounted_at or ("" if own is None else own.value)
        is_path = own is not None and own.value == at and not names.path_complaint(at)
        is_set = is_path and own is not None and (own.source == "local" or at != expected)
        path = at if is_set else expected
        if path in self.taken.values():
            return f"{path} is another dataset's place, too"
        if is_set:
            self.set_here[there.name] = path
        self.taken[there.name] = path
        return ""

    def _expected(self, name: str) -> str:
        parts = name.split("/")
        for length in range(len(parts), 0, -1):
            above = "/".join(parts[:length])
            if above in self.set_here:
                return "/".join([self.set_here[above], *parts[length:]])
        return f"/{name}"

    def _within(self, name: str) -> list[ObservedDataset]:
        if "/" not in name:
            return [self.found[name]]
        return [d for d in self.found.values() if f"{d.name}/".startswith(f"{name}/")]

    def _storage_of(self, name: str) -> str:
        for storage, dataset in self.storages.items():
            if name.startswith(f"{dataset}/") and ("/" in dataset or _PVE_DISK.search(name)):
                return storage
        return ""


def choose(
    found: tuple[ObservedDataset, ...],
    pools: frozenset[str],
    storages: Mapping[str, Storage],
    lefts: Lefts,
) -> Chosen:
    """What can be taken over, outer before inner; equal arguments give equal answers."""
    by_name = {dataset.name: dataset for dataset in found}
    zfs = {
        name: storage.where
        for name, storage in storages.items()
        if storage.kind == "zfspool" and names.NAME.fullmatch(name) and storage.where in by_name
    }
    for name, each in storages.items():
        if each.kind == "zfspool" and each.where not in by_name:
            lefts.leave(f"storage {name}", f"there is no dataset {each.where} on this host")
    choosing = _Choosing(by_name, pools, zfs, lefts, {}, {}, [])
    for name in sorted(by_name, key=lambda each: each.split("/")):
        choosing.take(name)
    taken = choosing.taken
    datasets = [
        _dataset(by_name[name], at, choosing.set_here, taken, by_name, pools, lefts)
        for name, at in taken.items()
    ]
    storage: dict[str, str] = {}
    for name, where in sorted(zfs.items()):
        if (where in taken or where in pools) and where not in storage.values():
            storage[name] = where
    return Chosen(tuple(datasets), storage, tuple(sorted(choosing.foreign)))


def _dataset(
    there: ObservedDataset,
    at: str,
    set_here: Mapping[str, str],
    taken: Mapping[str, str],
    found: Mapping[str, ObservedDataset],
    pools: frozenset[str],
    lefts: Lefts,
) -> Dataset:
    values = dict(_local(there, lefts))
    if there.name in set_here:
        values["mountpoint"] = set_here[there.name]
    inherit: tuple[str, ...] = ()
    outer = _outer(there, at, taken, found, pools)
    if outer and AT_BOOT not in values:
        inherit = (AT_BOOT,)
        lefts.hazard(
            f"dataset {there.name}",
            f"it appears inside {outer} of another pool and may be hidden by it after a boot; "
            f"take the line with {AT_BOOT} out, and offctl puts them in order",
        )
    return Dataset(
        there.name, there.name, at, properties=tuple(sorted(values.items())), inherit=inherit
    )


def _local(there: ObservedDataset, lefts: Lefts) -> list[tuple[str, str]]:
    kept = []
    for name, found in there.properties:
        if found.source != "local" or name == "mountpoint":
            continue
        if name in properties.ZERO_IS_DEFAULT and found.value in ("0", "none"):
            continue
        if name.startswith(properties.OWN_PREFIX) or properties.unlimited(name, found.value):
            continue
        if complaint := _property_complaint(name, found.value):
            lefts.leave(f"property {name} of dataset {there.name}", complaint)
        elif name == "sharenfs" and exports.complaint(found.value):
            lefts.hazard(
                f"property sharenfs of dataset {there.name}",
                f"{found.value!r} lets in others than named private addresses",
            )
        else:
            kept.append((name, readable(name, found.value)))
    return kept


def _property_complaint(name: str, value: str) -> str:
    try:
        properties.normalise(name, value)
    except errors.MalformedError as error:
        return str(error)
    if name in properties.ALIASES or not value or value == "inherit":
        return "its value cannot be written in a site"
    return ""


def readable(name: str, value: str) -> str:
    """A size as people write it, where that says the same."""
    if not value.isdecimal() or ":" in name:
        return value
    number, unit = int(value), ""
    for unit_above in "KMGTPE":
        if not number or number % 1024:
            break
        number, unit = number // 1024, unit_above
    short = f"{number}{unit}"
    return short if unit and properties.equal(name, short, value) else value


def _outer(
    there: ObservedDataset,
    at: str,
    taken: Mapping[str, str],
    found: Mapping[str, ObservedDataset],
    pools: frozenset[str],
) -> str:
    """The dataset of another pool whose directory it appears in."""
    places = {
        path: name for name, path in taken.items() if _value(found[name], "canmount") != "off"
    }
    places |= {f"/{pool}": pool for pool in pools if f"/{pool}" not in places}
    above = [
        path
        for path, name in places.items()
        if name != there.name and at.startswith(path.rstrip("/") + "/")
    ]
    nearest = max(above, key=len, default="")
    if not nearest or not _PLAIN.fullmatch(nearest):
        return ""
    other = places[nearest]
    return other if other.split("/")[0] != there.name.split("/")[0] else ""


def _value(there: ObservedDataset, name: str) -> str:
    found = there.property(name)
    return "" if found is None else found.value
