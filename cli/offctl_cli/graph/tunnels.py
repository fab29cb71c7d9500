"""Tunnels: a row where each begins and one where it arrives, whatever these are parts of."""

from collections.abc import Iterator
from dataclasses import replace

from offctl_cli.graph import identity
from offctl_cli.graph.model import Kind, Node, Row
from offctl_cli.site.model import Site
from offctl_cli.site.tables.tunnels import ClientEnd, ServerEnd, Tunnel

CLIENT, SERVER = "client", "server"


def rows(site: Site, container: str) -> Iterator[Row]:
    """The ends of tunnels in a container."""
    yield from _rows(site, identity.container(container))


def nodes(site: Site) -> Iterator[Node]:
    """What ends of tunnels are in besides containers: hosts, and places that are not managed."""
    found: dict[str, Node] = {}
    for tunnel in site.tunnels.values():
        for end in (tunnel.client, tunnel.server):
            node = place(end)
            if end.host:
                found[node] = Node(
                    node, Kind.SERVICE, end.host, identity.host(end.host), ("the host itself",)
                )
            elif end.unmanaged:
                box = identity.outside(end.unmanaged)
                found[node] = Node(node, Kind.OUTSIDE, end.unmanaged, box, ("not managed here",))
    for made in found.values():
        yield replace(made, rows=tuple(_rows(site, made.id)))


def place(end: ClientEnd | ServerEnd) -> str:
    """The node an end is in."""
    if end.container:
        return identity.container(end.container)
    if end.host:
        return identity.itself(end.host)
    return identity.address(identity.outside(end.unmanaged or ""), "stunnel")


def _rows(site: Site, node: str) -> Iterator[Row]:
    for name, tunnel in site.tunnels.items():
        if place(tunnel.client) == node:
            accept, consumers = tunnel.client.accept, tunnel.consumers
            yield _row(name, CLIENT, f"from {_called(accept)}", consumers)
        if place(tunnel.server) == node:
            yield _row(name, SERVER, f"at {_called(tunnel.server.accept)}")


def _row(name: str, role: str, aside: str, users: tuple[str, ...] = ()) -> Row:
    return Row(
        id=identity.tunnel("", name, role).row,
        text=f"tunnel {name}",
        aside=aside,
        users=users,
        keys=frozenset({("tunnel", name)}),
        passing=True,
    )


def _called(accept: str) -> str:
    return f"port {accept}" if accept.isdigit() else accept


def target(tunnel: Tunnel) -> str:
    """The container a tunnel leads to; empty when it leads to an address."""
    host = tunnel.target.rpartition(":")[0]
    return "" if "." in host or ":" in host or host == "localhost" else host
