"""Datasets, by whose data they are; who is shown them; and where copies of them are received."""

from collections.abc import Iterator

from offctl.desired.model import BindMount, Dataset, DesiredState
from offctl_cli.graph import identity
from offctl_cli.graph.model import Edge, Kind, Node, Row, Way
from offctl_cli.site.compiler import sharing
from offctl_cli.site.model import Site

TOP = "(itself)"


def nodes(states: tuple[DesiredState, ...]) -> Iterator[Node]:
    """On each host a node for each owner of data, a row for each dataset."""
    for state in states:
        users = _users(state)
        owned: dict[str, list[Dataset]] = {}
        for dataset in state.datasets:
            owned.setdefault(owner(dataset), []).append(dataset)
        for name, datasets in sorted(owned.items()):
            sources = sorted({each.replica_of for each in datasets} - {""})
            yield Node(
                id=identity.data(state.host, name),
                kind=Kind.COPY if all(each.replica_of for each in datasets) else Kind.DATA,
                title=f"copy of {name}" if sources else f"data of {name}",
                group=identity.host(state.host),
                lines=tuple(f"received from {source}" for source in sources),
                rows=tuple(_row(each, users.get(each.name, ())) for each in datasets),
                owner=name,
            )


def edges(site: Site, states: tuple[DesiredState, ...]) -> Iterator[Edge]:
    """From a container to what it is shown, and from data to its copies."""
    for state in states:
        known = {dataset.name: dataset for dataset in state.datasets}
        for container in state.containers:
            inside = owner_of(site, site.containers[container.name].application)
            for mount in container.mounts:
                if isinstance(mount, BindMount) and mount.dataset in known:
                    dataset = known[mount.dataset]
                    own = inside in ("", owner(dataset))
                    yield Edge(
                        identity.end(identity.container(container.name)),
                        identity.dataset(state.host, owner(dataset), dataset.logical),
                        Way.OWN if own else Way.SHARED,
                        mount.subdirectory,
                    )
    places = {(each.host, dataset.logical) for each in states for dataset in each.datasets}
    for state in states:
        for dataset in state.datasets:
            if (dataset.replica_of, dataset.logical) in places:
                source, copy = (
                    identity.dataset(host, owner(dataset), dataset.logical)
                    for host in (dataset.replica_of, state.host)
                )
                yield Edge(source, copy, Way.COPY)


def owner(dataset: Dataset) -> str:
    """Whose data it is, by its name in the site."""
    return dataset.logical.partition("/")[0]


def owner_of(site: Site, application: str | None) -> str:
    """Whose parts an application calls its own; empty for none."""
    known = sharing.applications(site).get(application or "")
    return "" if known is None else sharing.owner_of_data(application or "", known)


def _users(state: DesiredState) -> dict[str, tuple[str, ...]]:
    users: dict[str, dict[str, None]] = {}
    for container in sorted(state.containers, key=lambda each: each.name):
        for mount in container.mounts:
            if isinstance(mount, BindMount):
                users.setdefault(mount.dataset, {})[container.name] = None
    return {dataset: tuple(names) for dataset, names in users.items()}


def _row(dataset: Dataset, users: tuple[str, ...]) -> Row:
    part = dataset.logical.partition("/")[2]
    return Row(
        id=dataset.logical,
        text=part or TOP,
        aside=dataset.name,
        users=users,
        keys=frozenset({("dataset", dataset.logical), ("zfs", dataset.name)}),
    )
