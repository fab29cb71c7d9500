"""Rules about [routes.*]: who answers, and that nothing crosses hosts in the clear."""

from collections.abc import Iterator
import itertools

from offctl.desired import addresses
from offctl_cli.site import model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import rule, tunnels


@rule.error("route-clash", "No two routes answer for one public name on one proxy.")
def route_clash(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for (other, earlier), (name, route) in itertools.combinations(site.routes.items(), 2):
        for public in sorted(set(route.names) & set(earlier.names)):
            if route.proxy == earlier.proxy:
                text = f"routes.{name} answers for {public!r}, and so does routes.{other}"
                yield ("routes", name, "names"), text, "keep the name in one of the two routes"


@rule.error(
    "plaintext-route",
    "A route that leaves its cluster goes through a tunnel, or speaks https.",
)
def plaintext_route(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    hint = 'declare a tunnel and write tunnel = "NAME", or scheme = "https"'
    for name, route in site.routes.items():
        if route.scheme == "https" or route.tunnel:
            continue
        here = _cluster(site, route.proxy)  # None for what is not declared
        there = _cluster(site, route.container or "")
        if None not in (here, there) and there != here:
            text = (
                f"routes.{name} goes from {route.proxy!r} to {route.container!r} "
                "in another cluster, in the clear"
            )
            yield ("routes", name, "container"), text, hint
        if route.address and _leaves(route.address):
            text = f"routes.{name} goes to {route.address!r} in the clear"
            yield ("routes", name, "address"), text, hint


@rule.error("unreachable-tunnel", "A proxy can reach the tunnels its routes lead into.")
def unreachable_tunnel(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, route in site.routes.items():
        tunnel = site.tunnels.get(route.tunnel or "")
        if tunnel is None or tunnel.client.container in (None, route.proxy):
            continue
        address = addresses.parse(addresses.host_part(tunnel.client.accept))
        if address is not None and address.is_loopback:
            text = (
                f"routes.{name} leads into tunnel {route.tunnel!r}, which only "
                f"{tunnel.client.container!r} itself can reach, at {tunnel.client.accept}"
            )
            hint = "let the tunnel accept on the container's internal address"
            yield ("routes", name, "tunnel"), text, hint
        elif _cluster(site, tunnel.client.container or "") != _cluster(site, route.proxy):
            text = (
                f"routes.{name} leads into tunnel {route.tunnel!r}, whose client end "
                f"{tunnel.client.container!r} is in another cluster than {route.proxy!r}"
            )
            yield ("routes", name, "tunnel"), text, "begin the tunnel in the proxy's cluster"


def _cluster(site: model.Site, container: str) -> str | None:
    """The cluster a container is in; its host's own name where that is in none."""
    found = site.containers.get(container)
    return None if found is None else tunnels.cluster_of(site, found.host)


def _leaves(endpoint: str) -> bool:
    address = addresses.parse(addresses.host_part(endpoint))
    if address is None:
        return addresses.host_part(endpoint) != "localhost"
    return not addresses.is_internal(address)


RULES = (route_clash, plaintext_route, unreachable_tunnel)
