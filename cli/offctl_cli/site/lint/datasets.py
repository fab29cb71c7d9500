"""Rules about where datasets are: pools, mountpoints, replicas, and what belongs to others."""

from collections.abc import Iterator

from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.finding import Place
from offctl_cli.site.lint import rule
from offctl_cli.site.lint.properties import placed
from offctl_cli.site.reader import nearest


@rule.error("unknown-pool", "A dataset is in one of its host's pools.")
def unknown_pool(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, places in placed(site):
        for name, place in places.items():
            host = site.hosts.get(name)
            pool = place.dataset.partition("/")[0]
            if host is not None and host.pools and pool not in host.pools:
                text = f"{key.shown((*path, name))} is {place.dataset}, but {name} has no such pool"
                near = nearest(pool, list(host.pools))
                hint = f"did you mean {near!r}?" if near else f"it has {', '.join(host.pools)}"
                yield (*path, name), text, hint
    for name, host in site.hosts.items():
        for storage, dataset in host.storage.items():
            if host.pools and dataset.partition("/")[0] not in host.pools:
                text = f"hosts.{name}.storage.{storage} is {dataset}, in no pool of the host"
                yield ("hosts", name, "storage", storage), text, f"it has {', '.join(host.pools)}"
        for position, dataset in enumerate(host.unmanaged.datasets):
            if host.pools and dataset.partition("/")[0] not in host.pools:
                text = f"hosts.{name}.unmanaged names {dataset}, in no pool of the host"
                where = ("hosts", name, "unmanaged", "datasets", position)
                yield where, text, f"it has {', '.join(host.pools)}"


@rule.error("storage-clash", "Two storages of a host do not keep their volumes in one dataset.")
def storage_clash(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, host in site.hosts.items():
        owners: dict[str, str] = {}
        for storage, dataset in host.storage.items():
            owner = owners.setdefault(dataset, storage)
            if owner != storage:
                text = f"hosts.{name}.storage.{storage} is {dataset}, and so is {owner}"
                yield ("hosts", name, "storage", storage), text, "see /etc/pve/storage.cfg"


@rule.error("mountpoint-clash", "No two datasets of a host are mounted at one place.")
def mountpoint_clash(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for state in compiled.states:
        at: dict[str, str] = {}
        for dataset in state.datasets:
            other = at.setdefault(dataset.mountpoint, dataset.name)
            if other != dataset.name:
                text = f"{dataset.name} and {other} are both mounted at {dataset.mountpoint}"
                where = _place(compiled, state.host, dataset.name)
                yield where, f"{text} on {state.host}", "one would hide the other"


@rule.error("replica-source", "A replica comes from another host that has the data itself.")
def replica_source(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, places in placed(site):
        for name, place in places.items():
            source = place.replica_of
            where = (*path, name, "replica_of")
            shown = key.shown((*path, name))
            if source == name:
                yield where, f"{shown} is a replica of itself", "name the sending host"
            elif source is not None and source in site.hosts and source not in places:
                text = f"{shown} is a replica of {source}, which has no place for it"
                yield where, text, f"write where it is on {source}, or name another host"
            elif source is not None and source in places and places[source].replica_of == name:
                text = f"{shown} and the one on {source} are replicas of each other"
                yield where, text, "one of the two must be the original"


@rule.error(
    "foreign-dataset", "A dataset of the site is not where PVE or somebody else keeps theirs."
)
def foreign_dataset(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for path, places in placed(site):
        for name, place in places.items():
            host = site.hosts.get(name)
            if host is None:
                continue
            for other in host.unmanaged.datasets:
                if _within(place.dataset, other):
                    text = f"{key.shown((*path, name))} is {place.dataset}, unmanaged on {name}"
                    yield (*path, name), text, f"take {other} out of unmanaged.datasets"
            for storage, dataset in host.storage.items():
                if "/" in dataset and place.dataset.startswith(f"{dataset}/"):
                    text = f"{key.shown((*path, name))} is inside storage {storage!r}, {dataset}"
                    yield (*path, name), text, "PVE takes what it finds there for disks of its own"


def _within(dataset: str, other: str) -> bool:
    return dataset == other or dataset.startswith(other + "/")


def _place(compiled: Compiled, host: str, dataset: str) -> Place | key.Path:
    return compiled.origins.get((host, "dataset", dataset), ("hosts", host))


RULES = (unknown_pool, storage_clash, mountpoint_clash, replica_source, foreign_dataset)
