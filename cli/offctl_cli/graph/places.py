"""The boxes: data centres, their hosts, and places that the site does not manage."""

from collections.abc import Iterator

from offctl.desired.model import DesiredState, Mode
from offctl_cli.graph import identity
from offctl_cli.graph.model import Group, Place
from offctl_cli.site.model import Site


def groups(site: Site, states: tuple[DesiredState, ...]) -> Iterator[Group]:
    """Every box, those at the top first."""
    clusters = {site.hosts[state.host].cluster for state in states} - {None}
    for name in sorted(each for each in clusters if each):
        yield Group(identity.cluster(name), Place.CLUSTER, name)
    for state in states:
        cluster = site.hosts[state.host].cluster
        parent = identity.cluster(cluster) if cluster else ""
        lines = tuple(_lines(site, state))
        yield Group(identity.host(state.host), Place.HOST, state.host, parent, lines)
    for name in sorted(set(_outside(site))):
        yield Group(identity.outside(name), Place.OUTSIDE, name)


def _outside(site: Site) -> Iterator[str]:
    for tunnel in site.tunnels.values():
        yield from (end.unmanaged for end in (tunnel.client, tunnel.server) if end.unmanaged)


def _lines(site: Site, state: DesiredState) -> Iterator[str]:
    yield ", ".join(site.hosts[state.host].addresses.public)
    copies = sum(bool(dataset.replica_of) for dataset in state.datasets)
    counted = (
        (len(state.containers), "container", "containers"),
        (len(state.datasets) - copies, "dataset", "datasets"),
        (copies, "received copy", "received copies"),
    )
    yield ", ".join(
        f"{number} {one if number == 1 else many}" for number, one, many in counted if number
    )
    if state.mode is Mode.AUDIT:
        yield "audit: looked at, never changed"
    if state.freeze is not None:
        yield f"frozen: {state.freeze.reason}"
