"""Rules about addresses and gateways, judged on what the interfaces compile to."""

from collections.abc import Iterator
import ipaddress

from offctl.desired import addresses
from offctl.desired.model import Network
from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import rule, tunnels


@rule.error(
    "duplicate-address",
    "An internal address is used once in a cluster, a public one once in the site.",
)
def duplicate_address(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    owners: dict[tuple[str | None, str], str] = {}
    for name, host in site.hosts.items():
        for each in (*host.addresses.public, *host.addresses.internal):
            at = _scope(site, name, ipaddress.ip_address(each))
            owner = owners.setdefault(at, f"hosts.{name}")
            if owner != f"hosts.{name}":
                text = f"hosts.{name} has address {at[1]} of {owner}"
                yield ("hosts", name, "addresses"), text, "every address belongs to one"
    for host_name, path, network in _interfaces(compiled):
        for option, address in _addresses(network):
            at = _scope(site, host_name, address)
            owner = owners.setdefault(at, key.shown(path[:2]))
            if owner != key.shown(path[:2]):
                text = f"{key.shown(path)} has address {at[1]} of {owner}"
                yield _written(site, path, option), text, "every address belongs to one"


@rule.error("no-address", "The cluster's rule gives an internal interface a valid address.")
def no_address(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, container in site.containers.items():
        host = site.hosts.get(container.host or "")
        cluster = site.clusters.get((host.cluster if host else None) or "")
        for interface, network in container.networks.items():
            if network.role != "internal" or network.ip or cluster is None:
                continue
            text = (cluster.container_address or "").replace("{id}", str(container.id))
            if addresses.parse(text.partition("/")[0]) is None:
                said = f"gives it {text!r}" if text else "is not written"
                text = (
                    f"containers.{name}.networks.{interface} has no address: "
                    f"the rule of cluster {host.cluster if host else ''!r} {said}"
                )
                yield ("containers", name, "id"), text, "write ip, or another id"


@rule.error("duplicate-hardware-address", "A hardware address is used once in a cluster.")
def duplicate_hardware_address(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    owners: dict[tuple[str | None, str], key.Path] = {}
    for host, path, network in _interfaces(compiled):
        if not network.hwaddr:
            continue
        at = (tunnels.cluster_of(site, host), network.hwaddr.upper())
        owner = owners.setdefault(at, path)
        if owner != path:
            text = f"{key.shown(path)} has hardware address {network.hwaddr} of {key.shown(owner)}"
            yield (*path, "hwaddr"), text, "leave hwaddr out and PVE makes a new one"


@rule.error("network-index-clash", "Two interfaces of a container are not both netN.")
def index_clash(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    seen: dict[tuple[str, int], key.Path] = {}
    for _host, path, network in _interfaces(compiled):
        other = seen.setdefault((str(path[1]), network.index), path)
        if other != path:
            text = f"{key.shown(path)} is net{network.index}, and so is {other[-1]}"
            yield (*path, "index"), text, "give one of them another index"


@rule.error("two-gateways", "A container has one default gateway for each of IPv4 and IPv6.")
def two_gateways(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for state in compiled.states:
        for container in state.containers:
            for option in ("gw", "gw6"):
                having = [net for net in container.networks if option in dict(net.options)]
                if len(having) > 1:
                    said = " and ".join(f"{n.name} ({dict(n.options)[option]})" for n in having)
                    text = f"containers.{container.name} has two default gateways: {said}"
                    path = ("containers", container.name, "networks", having[-1].name)
                    hint = 'the public interface keeps its gateway; write gateway = "none" here'
                    yield path, text, hint


def _interfaces(compiled: Compiled) -> Iterator[tuple[str, key.Path, Network]]:
    for state in compiled.states:
        for container in state.containers:
            for network in container.networks:
                yield state.host, ("containers", container.name, "networks", network.name), network


def _written(site: model.Site, path: key.Path, option: str) -> key.Path:
    """The address where it is written; the container's id where it follows from that."""
    at = (*path, option)
    return at if site.origins.get(at, at) in site.places else (*path[:2], "id")


def _addresses(network: Network) -> Iterator[tuple[str, addresses.Address]]:
    options = dict(network.options)
    for option in ("ip", "ip6"):
        address = addresses.parse(options.get(option, "").partition("/")[0])
        if address is not None:
            yield option, address


def _scope(site: model.Site, host: str, address: addresses.Address) -> tuple[str | None, str]:
    internal = addresses.is_internal(address)
    return (tunnels.cluster_of(site, host) if internal else None), str(address)


RULES = (no_address, duplicate_address, duplicate_hardware_address, index_clash, two_gateways)
