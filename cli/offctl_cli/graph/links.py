"""What asks what: public names, tunnels with what they lead to, and the databases in use."""

from collections.abc import Iterator
from dataclasses import dataclass

from offctl_cli.graph import identity, tunnels
from offctl_cli.graph.model import Edge, End, Kind, Node, Way
from offctl_cli.site.compiler import networks
from offctl_cli.site.model import Site


@dataclass(frozen=True, slots=True)
class _Found:
    """An end, and the node to be made for it when it is an address that nothing here has."""

    end: End
    node: Node | None = None


def nodes(site: Site) -> tuple[Node, ...]:
    """The addresses that edges lead to and that no container here has."""
    targets = [_target(site, name) for name in site.tunnels]
    targets += [_behind(site, name) for name in site.routes]
    found = {each.node.id: each.node for each in targets if each.node}
    if site.routes:
        found[identity.PUBLIC] = Node(identity.PUBLIC, Kind.OUTSIDE, "the public", "")
    return tuple(found.values())


def edges(site: Site) -> Iterator[Edge]:
    """Everything that leads somewhere."""
    for name, route in site.routes.items():
        yield Edge(identity.route(route.proxy, name), _behind(site, name).end, Way.REQUEST)
    for proxy in sorted({route.proxy for route in site.routes.values()}):
        entered = identity.end(identity.container(proxy))
        yield Edge(identity.end(identity.PUBLIC), entered, Way.REQUEST)
    for name, tunnel in site.tunnels.items():
        client, server = tunnels.place(tunnel.client), tunnels.place(tunnel.server)
        begins = identity.tunnel(client, name, tunnels.CLIENT)
        arrives = identity.tunnel(server, name, tunnels.SERVER)
        yield Edge(begins, arrives, Way.TUNNEL, name)
        yield Edge(arrives, _target(site, name).end, Way.REQUEST)
        for consumer in tunnel.consumers:
            if consumer in site.containers and identity.container(consumer) != client:
                yield Edge(identity.end(identity.container(consumer)), begins, Way.REQUEST)
    for name, container in site.containers.items():
        for used in container.uses:
            here, there = (identity.end(identity.container(each)) for each in (name, used))
            yield Edge(here, there, Way.USES)


def _behind(site: Site, name: str) -> _Found:
    """What answers behind a proxy."""
    route = site.routes[name]
    if route.container:
        return _Found(identity.end(identity.container(route.container)))
    if route.tunnel:
        client = tunnels.place(site.tunnels[route.tunnel].client)
        return _Found(identity.tunnel(client, route.tunnel, tunnels.CLIENT))
    host = site.containers[route.proxy].host or ""
    return _address(site, host, _cluster(site, host), route.address or "")


def _target(site: Site, name: str) -> _Found:
    """What a tunnel leads to."""
    tunnel = site.tunnels[name]
    if named := tunnels.target(tunnel):
        return _Found(identity.end(identity.container(named)))
    if tunnel.server.unmanaged:
        return _address(site, "", identity.outside(tunnel.server.unmanaged), tunnel.target)
    end = tunnel.server
    host = end.host or site.containers[end.container or ""].host or ""
    return _address(site, host, _cluster(site, host), tunnel.target)


def _address(site: Site, host: str, group: str, text: str) -> _Found:
    """The container of the same cluster that has an address, or a node for the address alone."""
    wanted = text.rpartition(":")[0]
    for name, container in site.containers.items():
        near = bool(host) and _cluster(site, container.host or "") == _cluster(site, host)
        if near and networks.internal_address(site, container) == wanted:
            return _Found(identity.end(identity.container(name)))
    node = identity.address(group, text)
    lines = () if group.startswith("outside ") else ("not managed here",)
    return _Found(identity.end(node), Node(node, Kind.OUTSIDE, text, group, lines))


def _cluster(site: Site, host: str) -> str:
    """The box of a host's cluster; of the host itself where it is in none."""
    cluster = site.hosts[host].cluster if host in site.hosts else None
    return identity.cluster(cluster) if cluster else identity.host(host)
