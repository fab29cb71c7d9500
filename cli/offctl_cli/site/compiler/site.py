"""The whole site lowered: one desired state for every host it names."""

from types import MappingProxyType

from offctl.desired import idranges, model, names
from offctl_cli.site import finding
from offctl_cli.site.compiler import (
    catalogue,
    consents,
    containers,
    datasets,
    idmaps,
    mountpoints,
    owners,
    references,
    tunnels,
)
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.compiled import Compiled
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.compiler.owners import Viewers
from offctl_cli.site.model import Site
from offctl_cli.site.tables.hosts import Host


def compile(site: Site) -> Compiled:  # noqa: A001
    """Lower everything; equal sites give equal results. Nothing is raised: see the findings."""
    notes = Notes(site)
    references.check(site, notes)
    known = catalogue.datasets(site, notes)
    mounted = {host: mountpoints.on_host(host, known, notes) for host in site.hosts}
    lowered = containers.lower(site, known, mounted, notes)
    seen = owners.viewers(site, lowered)
    ends = tunnels.lower(site, notes)
    states = tuple(
        _state(site, host, known, mounted[host], seen, ends[host], notes)
        for host in sorted(site.hosts)
    )
    findings = finding.in_order([*site.findings, *notes.findings])
    return Compiled(
        site.site.name, states, findings, MappingProxyType(notes.origins), notes.stanzas
    )


def _state(
    site: Site,
    name: str,
    known: dict[str, Known],
    mounted: dict[str, str],
    seen: Viewers,
    ends: tuple[model.TunnelEnd, ...],
    notes: Notes,
) -> model.DesiredState:
    host = site.hosts[name]
    here = [seen.containers[each] for each, at in seen.on.items() if at == name]
    notes.came_from(name, "host", name, ("hosts", name))
    return model.DesiredState(
        site=site.site.name,
        host=name,
        mode=host.mode,
        identity=_identity(host),
        windows=tuple(names.window(text) for text in host.windows),
        freeze=consents.freeze(host.freeze),
        max_delta=consents.max_delta(host.max_delta),
        approved=tuple(sorted(host.approved)),
        wave=host.wave,
        soak=consents.seconds(host.soak),
        pools=tuple(sorted(host.pools)),
        unmanaged=_unmanaged(host),
        subids=_subids(host, here),
        datasets=datasets.lower(site, name, known, mounted, seen, notes),
        containers=tuple(
            sorted((tunnels.shown(each, ends) for each in here), key=lambda each: each.id)
        ),
        tunnels=ends,
    )


def _identity(host: Host) -> model.Identity | None:
    if host.identity is None:
        return None
    certificate = host.identity.certificate.strip() + "\n"
    return model.Identity(certificate, host.identity.tunnel_key)


def _unmanaged(host: Host) -> tuple[str, ...]:
    guests = tuple(str(guest) for guest in sorted(host.unmanaged.guests))
    return guests + tuple(sorted(host.unmanaged.datasets))


def _subids(host: Host, containers_here: list[model.Container]) -> tuple[model.Subid, ...]:
    if host.subordinate_ids is not None:
        return idmaps.granted(host.subordinate_ids)
    if not any(each.unprivileged or each.idmap for each in containers_here):
        return ()
    return idranges.needed([each.idmap or () for each in containers_here])
