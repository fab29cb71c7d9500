"""Rules about [tunnels.*]: where they may listen, and that each is told from every other."""

from collections.abc import Iterator
import itertools

from offctl.desired import addresses
from offctl_cli.site import model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import rule
from offctl_cli.site.tables.tunnels import ClientEnd, ServerEnd, Tunnel

_ANY = ("", "0.0.0.0", "::", "*")  # noqa: S104  (these are what is refused)
_LISTEN = "write a private or loopback address, such as 10.1.0.113:6379 or 127.0.0.1:6379"


@rule.error(
    "public-tunnel-listener",
    "The client end of a tunnel listens on one private or loopback address.",
)
def public_listener(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, tunnel in site.tunnels.items():
        where = ("tunnels", name, "from", "accept")
        accept = tunnel.client.accept
        host = addresses.host_part(accept)
        address = addresses.parse(host)
        if host in _ANY or (address is not None and address.is_unspecified):
            yield where, f"tunnels.{name} listens on all addresses, at {accept!r}", _LISTEN
        elif address is None and host != "localhost":
            text = f"tunnels.{name} listens at {accept!r}, a name that could become public"
            yield where, text, _LISTEN
        elif address is not None and not addresses.is_internal(address):
            yield where, f"tunnels.{name} listens on a public address, at {accept!r}", _LISTEN


@rule.error(
    "tunnel-key-clash",
    "Every tunnel has a key of its own: no two share a psk_file, none has one besides.",
)
def key_clash(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    users: dict[tuple[str, str | None, str | None], str] = {}
    for name, tunnel in site.tunnels.items():
        if not tunnel.psk_file:
            continue
        where = ("tunnels", name, "psk_file")
        if not (tunnel.client.unmanaged or tunnel.server.unmanaged):
            text = f"tunnels.{name} has a psk_file though both ends are managed"
            yield where, text, "remove psk_file: the two hosts derive the key themselves"
        ours = tunnel.server if tunnel.client.unmanaged else tunnel.client
        at = (tunnel.psk_file, ours.container, ours.host)
        other = users.setdefault(at, name)
        if other != name:
            text = f"tunnels.{name} has the psk_file of tunnels.{other}, {tunnel.psk_file}"
            yield where, text, "give every tunnel a key of its own"


@rule.error("tunnel-identity-clash", "No two tunnels have the same PSK identity.")
def identity_clash(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    owners: dict[str, str] = {}
    for state in compiled.states:
        for end in state.tunnels:
            owner = owners.setdefault(end.identity, end.name)
            if owner != end.name:
                text = f"tunnels.{end.name} has the identity {end.identity!r} of tunnels.{owner}"
                hint = "each client of each service needs an identity of its own"
                yield ("tunnels", end.name, "identity"), text, hint


@rule.error(
    "tunnel-accept-clash",
    "No two tunnels listen on one address and port, except clients of one server section.",
)
def accept_clash(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    listening = [
        (name, side, end, tunnel)
        for name, tunnel in site.tunnels.items()
        for side, end in _ends(tunnel)
    ]
    for (other, _side, first, earlier), (name, side, second, tunnel) in itertools.combinations(
        listening, 2
    ):
        if not _same_place(first, second) or not _same_listener(first.accept, second.accept):
            continue
        both_serve = isinstance(first, ServerEnd) and isinstance(second, ServerEnd)
        if both_serve and section_of(earlier) == section_of(tunnel):
            continue
        text = (
            f"tunnels.{name} listens at {second.accept!r} in {_name(second)}, "
            f"and so does tunnels.{other}"
        )
        yield ("tunnels", name, side, "accept"), text, "use another port for one of them"


@rule.error(
    "tunnel-section-clash",
    "A section of one stunnel has one meaning: one client, or one accept and target for all.",
)
def section_clash(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for (other, earlier), (name, tunnel) in itertools.combinations(site.tunnels.items(), 2):
        if section_of(earlier) != section_of(tunnel) or earlier.instance != tunnel.instance:
            continue
        section = section_of(tunnel)
        for (_side, first), (side, second) in itertools.product(_ends(earlier), _ends(tunnel)):
            if not _same_place(first, second):
                continue
            both_serve = isinstance(first, ServerEnd) and isinstance(second, ServerEnd)
            if both_serve and (first.accept, earlier.target) == (second.accept, tunnel.target):
                continue
            text = (
                f"tunnels.{name} uses section [{section}] in {_name(second)} "
                f"otherwise than tunnels.{other}"
            )
            hint = "write section = with another name, or make accept and target the same"
            yield ("tunnels", name, side), text, hint


@rule.error("tunnel-section", "No section is called like one of offctl's own.")
def reserved_section(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, tunnel in site.tunnels.items():
        if section_of(tunnel).lower().startswith("offctl"):
            where = ("tunnels", name, "section" if tunnel.section else "service")
            text = f"tunnels.{name} uses section [{section_of(tunnel)}], a name kept for offctl"
            yield where, text, "write section = with another name"


@rule.error("tunnel-kept", "Of the tunnels of one stunnel all are kept as people made it, or none.")
def kept_in_part(_: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for state in compiled.states:
        others: dict[tuple[int, str], str] = {}
        for end in state.tunnels:
            if not end.kept:
                others.setdefault((end.container, end.instance), end.name)
        for end in state.tunnels:
            other = others.get((end.container, end.instance))
            if end.kept and other is not None and other != end.name:
                text = f"tunnels.{end.name} is kept, and tunnels.{other} of the same stunnel is not"
                hint = 'write psk = "keep" in both or in neither, or another instance'
                yield ("tunnels", end.name, "psk"), text, hint


@rule.error("plaintext-target", "What a tunnel carries is not sent on over a public network.")
def plaintext_target(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    hint = "name a container of the server's cluster or a private address"
    for name, tunnel in site.tunnels.items():
        if tunnel.server.unmanaged:
            continue
        host = addresses.host_part(tunnel.target)
        address = addresses.parse(host)
        if address is not None and not addresses.is_internal(address):
            text = f"tunnels.{name} sends on to {tunnel.target!r}, a public address, in the clear"
            yield ("tunnels", name, "target"), text, hint
        elif host in site.containers and cluster_of(site, host_of(site, tunnel.server)) not in (
            None,
            cluster_of(site, site.containers[host].host),
        ):
            text = f"tunnels.{name} sends on to {host!r} in another cluster, in the clear"
            yield ("tunnels", name, "target"), text, hint


@rule.error("tunnel-address", "The client end listens on an address that its container has.")
def tunnel_address(site: model.Site, compiled: Compiled) -> Iterator[rule.Complaint]:
    for name, tunnel in site.tunnels.items():
        container = site.containers.get(tunnel.client.container or "")
        address = addresses.parse(addresses.host_part(tunnel.client.accept))
        if container is None or address is None or not addresses.is_internal(address):
            continue
        own = _own_addresses(compiled, tunnel.client.container or "")
        if own and not address.is_loopback and address not in own:
            text = (
                f"tunnels.{name} listens at {tunnel.client.accept!r}, but "
                f"{tunnel.client.container!r} has {', '.join(map(str, own))}"
            )
            yield ("tunnels", name, "from", "accept"), text, "stunnel would refuse to start"


def section_of(tunnel: Tunnel) -> str:
    """The name of its section in the configuration of both ends."""
    return tunnel.section or tunnel.service


def host_of(site: model.Site, end: ClientEnd | ServerEnd) -> str | None:
    """The host an end runs on; None when it is not managed or not declared."""
    container = site.containers.get(end.container or "")
    return end.host if container is None else container.host


def cluster_of(site: model.Site, host: str | None) -> str | None:
    """The cluster of a host, or the host's own name where it is in none."""
    found = site.hosts.get(host or "")
    return None if found is None else found.cluster or host


def _own_addresses(compiled: Compiled, container: str) -> list[addresses.Address]:
    texts = [
        dict(network.options).get(option, "").partition("/")[0]
        for state in compiled.states
        for each in state.containers
        for network in each.networks
        for option in ("ip", "ip6")
        if each.name == container
    ]
    return [address for address in map(addresses.parse, texts) if address is not None]


def _ends(tunnel: Tunnel) -> tuple[tuple[str, ClientEnd | ServerEnd], ...]:
    return ("from", tunnel.client), ("to", tunnel.server)


def _name(end: ClientEnd | ServerEnd) -> str:
    return repr(end.container or end.host or end.unmanaged)


def _same_place(first: ClientEnd | ServerEnd, second: ClientEnd | ServerEnd) -> bool:
    return not first.unmanaged and (first.container, first.host, None) == (
        second.container,
        second.host,
        second.unmanaged,
    )


def _same_listener(first: str, second: str) -> bool:
    hosts = addresses.host_part(first), addresses.host_part(second)
    same_port = first.rpartition(":")[2] == second.rpartition(":")[2]
    return same_port and (hosts[0] == hosts[1] or any(host in _ANY for host in hosts))


RULES = (
    public_listener,
    key_clash,
    identity_clash,
    accept_clash,
    section_clash,
    reserved_section,
    kept_in_part,
    plaintext_target,
    tunnel_address,
)
