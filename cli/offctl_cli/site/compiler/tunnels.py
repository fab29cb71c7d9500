"""Tunnels: from one declaration, the end of each host that has one."""

from dataclasses import dataclass, replace

from offctl.desired import tunnelplaces
from offctl.desired.model import BindMount, Container, TunnelEnd
from offctl_cli.site import key
from offctl_cli.site.compiler import networks
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.model import Site
from offctl_cli.site.tables.tunnels import ClientEnd, ServerEnd, Tunnel


@dataclass(frozen=True, slots=True)
class _Seat:
    """Where one end sits; no host when the site does not manage it."""

    host: str
    container: int
    name: str
    key: str


def lower(site: Site, notes: Notes) -> dict[str, tuple[TunnelEnd, ...]]:
    """Host to its ends, by name and role."""
    ends: dict[str, list[TunnelEnd]] = {host: [] for host in site.hosts}
    for name, tunnel in site.tunnels.items():
        path: key.Path = ("tunnels", name)
        client = _seat(site, tunnel.client, (*path, "from"), notes)
        server = _seat(site, tunnel.server, (*path, "to"), notes)
        if client is None or server is None or not _has_key(tunnel, client, server, path, notes):
            continue
        target = _target(site, tunnel, path, notes)
        if not _may_rotate(tunnel, path, notes):
            continue
        used, accepted = _generations(tunnel)
        if client.host:
            ways = (tunnel.client.accept, tunnel.server.address)
            end = _end(name, tunnel, "client", ways, used, client, server, client)
            ends[client.host].append(end)
            _came_from(client, f"{name}/client", (*path, "from"), notes)
        if server.host:
            ways = (tunnel.server.accept, target)
            ends[server.host] += [
                _end(name, tunnel, "server", ways, each, server, client, client)
                for each in accepted
            ]
            _came_from(server, f"{name}/server", (*path, "to"), notes)
    return {host: tuple(sorted(each, key=_by_name)) for host, each in ends.items()}


def _came_from(here: _Seat, end: str, path: key.Path, notes: Notes) -> None:
    """A container with a tunnel has a mount that nobody wrote, too."""
    notes.came_from(here.host, "tunnel", end, path)
    if here.container:
        mount = f"{here.container}:{tunnelplaces.INSIDE}"
        notes.came_from(here.host, "mount", mount, path)


def shown(container: Container, ends: tuple[TunnelEnd, ...]) -> Container:
    """A container that runs stunnel sees the files of its instances, read-only."""
    if all(end.container != container.id or end.kept for end in ends):
        return container
    source = tunnelplaces.of_container(container.id)
    own = BindMount(tunnelplaces.INSIDE, source, "", options=(("ro", "1"),))
    mounts = sorted((*container.mounts, own), key=lambda mount: mount.target)
    return replace(container, mounts=tuple(mounts))


def _by_name(end: TunnelEnd) -> tuple[str, str, int]:
    return end.name, end.role, end.generation


def _generations(tunnel: Tunnel) -> tuple[int, tuple[int, ...]]:
    """The generation that the client uses, and those that the server accepts.

    The server accepts the new key before the client uses it, and the old one until it does not.
    """
    new = tunnel.generation
    if tunnel.rotation is None:
        return new, (new,)
    return new - 1 if tunnel.rotation == "accept" else new, (new - 1, new)


def _may_rotate(tunnel: Tunnel, path: key.Path, notes: Notes) -> bool:
    at = (*path, "rotation")
    if tunnel.psk and (tunnel.rotation or tunnel.revoked or tunnel.psk_file):
        text = f"{key.shown((*path, 'psk'))} keeps what people made, so nothing else about its key"
        hint = "remove psk, and offctl makes the key; or remove rotation, revoked and psk_file"
        notes.complain("tunnel-rotation", (*path, "psk"), text, hint)
    elif tunnel.rotation and tunnel.psk_file:
        text = f"{key.shown(at)} cannot be: the key is in a file that people keep"
        notes.complain("tunnel-rotation", at, text, "agree on another file with the far end")
    elif tunnel.rotation and tunnel.generation == 1:
        text = f"{key.shown(at)} needs a generation after the first"
        notes.complain("tunnel-rotation", at, text, "write generation = 2")
    elif tunnel.revoked and tunnel.revoked >= _generations(tunnel)[1][0]:
        text = f"{key.shown((*path, 'revoked'))} is {tunnel.revoked}, a generation still accepted"
        hint = "add one to generation, and remove rotation"
        notes.complain("tunnel-rotation", (*path, "revoked"), text, hint)
    else:
        return True
    return False


def _end(
    name: str,
    tunnel: Tunnel,
    role: str,
    accept_connect: tuple[str, str],
    generation: int,
    here: _Seat,
    there: _Seat,
    client: _Seat,
) -> TunnelEnd:
    accept, connect = accept_connect
    return TunnelEnd(
        name=name,
        role=role,
        section=tunnel.section or tunnel.service,
        container=here.container,
        instance=tunnel.instance,
        accept=accept,
        connect=connect,
        identity=_identity(tunnel, client, generation),
        generation=generation,
        peer_host=there.name,
        peer_key="" if tunnel.psk_file or tunnel.psk else there.key,
        psk_file=tunnel.psk_file or "",
        revoked=tunnel.revoked or 0,
        kept=tunnel.psk is not None,
        consumers=tuple(sorted(tunnel.consumers)),
    )


def _seat(site: Site, end: ClientEnd | ServerEnd, path: key.Path, notes: Notes) -> _Seat | None:
    written = [word for word in ("container", "host", "unmanaged") if getattr(end, word)]
    if len(written) != 1:
        text = (
            f"{key.shown(path)} must have one of container, host and unmanaged, not {len(written)}"
        )
        notes.complain("tunnel-end", path, text)
        return None
    if end.unmanaged:
        return _Seat("", 0, end.unmanaged, "")
    if end.host:
        if not notes.declared("host", end.host, site.hosts, (*path, "host")):
            return None
        return _Seat(end.host, 0, end.host, _tunnel_key(site, end.host))
    name = end.container or ""
    if not notes.declared("container", name, site.containers, (*path, "container")):
        return None
    container = site.containers[name]
    if container.host not in site.hosts or container.host is None:
        return None  # complained about where the container is written
    return _Seat(container.host, container.id, container.host, _tunnel_key(site, container.host))


def _tunnel_key(site: Site, host: str) -> str:
    identity = site.hosts[host].identity
    return "" if identity is None else identity.tunnel_key


def _has_key(tunnel: Tunnel, client: _Seat, server: _Seat, path: key.Path, notes: Notes) -> bool:
    if not client.host and not server.host:
        text = f"{key.shown(path)} has no end on a host of this site"
        notes.complain("tunnel-end", path, text, "remove it, or name a container or host")
        return False
    if not (client.host and server.host) and not tunnel.psk_file and not tunnel.psk:
        far = client.name if not client.host else server.name
        text = f"{key.shown(path)} must have psk_file: its end {far!r} is not managed"
        notes.complain("tunnel-key", path, text, "the key cannot be derived with an unknown host")
        return False
    return True


def _identity(tunnel: Tunnel, client: _Seat, generation: int) -> str:
    if tunnel.identity and tunnel.psk_file:
        return tunnel.identity
    base = tunnel.identity or f"{client.name}-{tunnel.service}".lower()
    suffix = f"-g{generation}"
    return base[: 64 - len(suffix)] + suffix


def _target(site: Site, tunnel: Tunnel, path: key.Path, notes: Notes) -> str:
    host, _, port = tunnel.target.rpartition(":")
    if "." in host or ":" in host or host == "localhost":
        return tunnel.target
    at = (*path, "target")
    if not notes.declared("container", host, site.containers, at):
        return tunnel.target
    address = networks.internal_address(site, site.containers[host])
    if address is None:
        text = f"{key.shown(at)} names container {host}, which has no internal address"
        notes.complain("tunnel-target", at, text, "write an address")
        return tunnel.target
    return f"{address}:{port}"
