"""A container's interfaces: bridge, address and gateway from the role, pct's sub-keys from all."""

import ipaddress

from offctl.desired import model
from offctl_cli.site import key
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.compiler.options import bit
from offctl_cli.site.model import Site
from offctl_cli.site.tables.containers import Container
from offctl_cli.site.tables.hosts import Host
from offctl_cli.site.tables.networks import Network

INTERNAL = "internal"


def lower(site: Site, name: str, container: Container, notes: Notes) -> tuple[model.Network, ...]:
    """The interfaces by index. Only one gets a default gateway by rule: the public one, if any."""
    if container.host is None:
        return ()
    host = site.hosts[container.host]
    with_gateway = _gateway_by_rule(container)
    lowered = []
    taken = {each.index for each in container.networks.values() if each.index is not None}
    free = (index for index in range(32) if index not in taken)
    for interface, network in container.networks.items():
        path = ("containers", name, "networks", interface)
        index = network.index if network.index is not None else next(free, 31)
        bridge = _bridge(host, network, path, notes)
        options = _options(
            network,
            ip=address(site, container, network),
            gateway=_gateway(host, network, by_rule=interface == with_gateway),
        )
        lowered.append(
            model.Network(index, interface, bridge, (network.hwaddr or "").upper(), options)
        )
        notes.came_from(container.host, "network", f"{container.id}:{interface}", path)
    return tuple(sorted(lowered, key=lambda each: each.index))


def address(site: Site, container: Container, network: Network) -> str | None:
    """The IPv4 setting of an interface: written, or the cluster's rule for an internal one."""
    if network.ip is not None or network.role != INTERNAL or container.host is None:
        return network.ip
    host = site.hosts.get(container.host)
    cluster = site.clusters.get(host.cluster) if host and host.cluster else None
    if cluster is None or cluster.container_address is None:
        return None
    text = cluster.container_address.replace("{id}", str(container.id))
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return None
    return text


def internal_address(site: Site, container: Container) -> str | None:
    """The address other containers of the cluster reach it at, without prefix length."""
    for network in container.networks.values():
        text = address(site, container, network)
        if network.role == "public" or text is None or "/" not in text:
            continue
        return text.split("/")[0]
    return None


def _gateway_by_rule(container: Container) -> str | None:
    for role in ("public", INTERNAL):
        for interface, network in container.networks.items():
            if network.role == role:
                return interface
    return None


def _gateway(host: Host, network: Network, *, by_rule: bool) -> str | None:
    if network.gateway is not None:
        return None if network.gateway == "none" else network.gateway
    if not by_rule or network.ip in ("dhcp", "manual"):
        return None
    return host.gateways.public if network.role == "public" else host.gateways.internal


def _bridge(host: Host, network: Network, path: key.Path, notes: Notes) -> str:
    bridge = network.bridge or getattr(host.bridges, network.role or "", None)
    if bridge is None:
        role = f"the host has no bridge for role {network.role!r}" if network.role else "no role"
        text = f"{key.shown(path)} has no bridge: none is written and {role}"
        notes.complain("bridge", path, text, "write bridge or role, or bridges in the host")
    return bridge or "missing"


def _options(
    network: Network, *, ip: str | None, gateway: str | None
) -> tuple[tuple[str, str], ...]:
    values = {
        "firewall": "1" if network.firewall else None,
        "gw": gateway,
        "gw6": network.gateway6,
        "ip": ip,
        "ip6": network.ip6,
        "link_down": None if network.link_down is None else bit(network.link_down),
        "mtu": network.mtu,
        "rate": network.rate,
        "tag": network.tag,
    }
    return tuple((name, str(value)) for name, value in values.items() if value is not None)
