"""Owners: from ids as containers see them to ids of the host, through the containers' id-maps."""

from dataclasses import dataclass

from offctl.desired import idranges
from offctl.desired.model import Access, BindMount, Container, IdRange
from offctl_cli.site import key
from offctl_cli.site.compiler import idmaps
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.model import Site

HOST = "host"


@dataclass(frozen=True, slots=True)
class Viewers:
    """The lowered containers of the site, and through which ids each sees the host's files."""

    containers: dict[str, Container]
    lines: dict[str, tuple[IdRange, ...]]
    on: dict[str, str]  # container -> host
    mounting: dict[tuple[str, str], set[str]]  # host and ZFS dataset -> containers

    def of(self, host: str, dataset: str) -> list[str]:
        """The containers that mount a ZFS dataset of `host`, sorted."""
        return sorted(self.mounting.get((host, dataset), ()))


def viewers(site: Site, containers: dict[str, Container]) -> Viewers:
    """What `access` needs to know about the containers."""
    lines = {
        name: idmaps.effective(site.containers[name], container.idmap)
        for name, container in containers.items()
    }
    on = {name: site.containers[name].host or "" for name in containers}
    mounting: dict[tuple[str, str], set[str]] = {}
    for name, container in containers.items():
        for mount in container.mounts:
            if isinstance(mount, BindMount):
                mounting.setdefault((on[name], mount.dataset), set()).add(name)
    return Viewers(containers, lines, on, mounting)


def access(
    host: str, known: Known, owner: str | None, mode: str | None, seen: Viewers, notes: Notes
) -> Access:
    """Owner and bits on the host; what cannot be told is complained about and left alone."""
    bits = None if mode is None else int(mode, 8)
    if owner is None:
        return Access(mode=bits)
    ranges = _ranges(host, known, owner, seen, notes)
    if ranges is None:
        return Access(mode=bits)
    uid, gid = (int(part) for part in owner.split(":"))
    ids = [
        idranges.on_host(ranges, kind, inside)
        for kind, inside in zip(idranges.KINDS, (uid, gid), strict=True)
    ]
    if None in ids:
        text = f"owner {owner} of {known.name} on {host} is not mapped in the container"
        notes.complain("owner", (*known.path, "owner"), text, "its id-map leaves this id out")
    return Access(ids[0], ids[1], bits)


def _ranges(
    host: str, known: Known, owner: str, seen: Viewers, notes: Notes
) -> tuple[IdRange, ...] | None:
    named = known.dataset.as_seen_by
    path: key.Path = (*known.path, "as_seen_by")
    if named == HOST:
        return idranges.PRIVILEGED
    if named is not None:
        known_containers = [*seen.containers, HOST]
        return (
            seen.lines[named]
            if notes.declared("container", named, known_containers, path)
            else None
        )
    mounting = seen.of(host, known.dataset.place[host].dataset)
    if not mounting and known.owner_is_rule:
        return None  # nobody there sees it yet
    maps = {seen.lines[name] for name in mounting}
    if len(maps) == 1:
        return maps.pop()
    told = (
        f"containers {', '.join(mounting)} with different id-maps mount it"
        if maps
        else "no container mounts it there"
    )
    text = f"owner {owner} of {known.name} on {host} is unclear: {told}"
    notes.complain("owner", (*known.path, "owner"), text, 'write as_seen_by = "CONTAINER"')
    return None
