"""The datasets of one host: those with a place on it, and the plain parents they need."""

from collections.abc import Mapping

from offctl.desired import model, properties
from offctl_cli.site import key
from offctl_cli.site.compiler import boot
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.compiler.owners import Viewers, access
from offctl_cli.site.model import Site

INHERIT = "inherit"


def lower(
    site: Site,
    host: str,
    known: dict[str, Known],
    mountpoints: dict[str, str],
    seen: Viewers,
    notes: Notes,
) -> tuple[model.Dataset, ...]:
    """Every dataset of `host`, by ZFS name, parents before children."""
    placed: list[model.Dataset] = []
    used = _used_directories(host, seen)
    for name, each in known.items():
        if host not in each.dataset.place:
            continue
        dataset = _dataset(host, each, mountpoints[name], used, seen, notes)
        placed.append(dataset)
        notes.came_from(host, "dataset", dataset.name, each.place_paths[host])
    _complain_twice(host, placed, notes, known)
    every = boot.ordered([*placed, *_parents(site, host, placed, notes)], site.hosts[host].pools)
    return tuple(sorted(every, key=lambda each: (each.name.split("/"), each.logical)))


def _dataset(
    host: str,
    known: Known,
    mountpoint: str,
    used: Mapping[str, set[str]],
    seen: Viewers,
    notes: Notes,
) -> model.Dataset:
    place = known.dataset.place[host]
    if place.replica_of is not None:
        return model.Dataset(place.dataset, known.name, mountpoint, replica_of=place.replica_of)
    written = (*known.dataset.properties.items(), *place.properties.items())
    values = {properties.ALIASES.get(name, name): value for name, value in written}
    return model.Dataset(
        name=place.dataset,
        logical=known.name,
        mountpoint=mountpoint,
        properties=tuple(sorted((n, v) for n, v in values.items() if v != INHERIT)),
        inherit=tuple(sorted(n for n, v in values.items() if v == INHERIT)),
        access=access(host, known, known.dataset.owner, known.dataset.mode, seen, notes),
        directories=_directories(host, known, used.get(place.dataset, set()), seen, notes),
        mode=model.Mode.AUDIT if known.dataset.audit else model.Mode.ENFORCE,
    )


def _directories(
    host: str, known: Known, used: set[str], seen: Viewers, notes: Notes
) -> tuple[model.Directory, ...]:
    """Those written, and those that a container mounts: a start without them fails."""
    written = known.dataset.directories
    lowered = []
    for path in sorted({*written, *used}, key=lambda each: each.split("/")):
        directory = written.get(path)
        owner = directory.owner if directory is not None else known.dataset.owner
        mode = directory.mode if directory is not None else None
        lowered.append(model.Directory(path, access(host, known, owner, mode, seen, notes)))
        at: key.Path = (*known.path, "directories", path)
        notes.came_from(host, "directory", f"{known.dataset.place[host].dataset}:{path}", at)
    return tuple(lowered)


def _used_directories(host: str, seen: Viewers) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {}
    for name, container in seen.containers.items():
        for mount in container.mounts if seen.on[name] == host else ():
            if isinstance(mount, model.BindMount) and mount.subdirectory:
                used.setdefault(mount.dataset, set()).add(mount.subdirectory)
    return used


def _parents(
    site: Site, host: str, placed: list[model.Dataset], notes: Notes
) -> list[model.Dataset]:
    """What must exist so that the rest can: storages, and parents nobody wrote.

    Not those that only hold replicas: receiving makes them.
    """
    storages = site.hosts[host].storage
    have = {dataset.name for dataset in placed}
    wanted: dict[str, key.Path] = {}
    for storage, dataset in storages.items():
        if "/" in dataset:
            path: key.Path = ("hosts", host, "storage", storage)
            for name in (dataset, *_above(dataset)):
                wanted.setdefault(name, path)
    for each in placed:
        if not each.replica_of:
            for name in _above(each.name):
                wanted.setdefault(name, ("hosts", host))
    parents = []
    for name, path in wanted.items():
        if name not in have:
            parents.append(model.Dataset(name, name, "/" + name))
            notes.came_from(host, "dataset", name, path)
    return parents


def _above(dataset: str) -> list[str]:
    parts = dataset.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, 1, -1)]


def _complain_twice(
    host: str, placed: list[model.Dataset], notes: Notes, known: dict[str, Known]
) -> None:
    first: dict[str, str] = {}
    for dataset in placed:
        other = first.setdefault(dataset.name, dataset.logical)
        if other != dataset.logical:
            text = f"datasets {other} and {dataset.logical} are both {dataset.name} on {host}"
            path = known[dataset.logical].place_paths[host]
            notes.complain("dataset-twice", path, text, "give one of them another name")
