"""Containers, each lowered for the host it is on."""

from offctl.desired import model, names
from offctl_cli.site import key
from offctl_cli.site.compiler import consents, idmaps, mounts, networks, options
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.model import Site
from offctl_cli.site.tables.containers import Container


def lower(
    site: Site,
    known: dict[str, Known],
    mountpoints: dict[str, dict[str, str]],
    notes: Notes,
) -> dict[str, model.Container]:
    """Site name to container; one without a declared host, or without a rootfs, is left out."""
    lowered = {}
    for name, container in site.containers.items():
        path: key.Path = ("containers", name)
        if _complete(site, container, path, notes):
            one = _container(site, name, container, known, mountpoints, notes)
            lowered[name] = one
            notes.came_from(container.host or "", "container", str(one.id), path)
    return lowered


def _complete(site: Site, container: Container, path: key.Path, notes: Notes) -> bool:
    if container.host is None or container.rootfs is None:
        missing = "host" if container.host is None else "rootfs"
        text = f"{key.shown(path)} must have the key {missing!r}, there or in its profile"
        notes.complain("missing-key", path, text)
        return False
    if not notes.declared("host", container.host, site.hosts, (*path, "host")):
        return False
    storage = site.hosts[container.host].storage
    at = (*path, "rootfs", "storage")
    notes.declared("storage", container.rootfs.storage, storage, at)
    return True


def _container(
    site: Site,
    name: str,
    container: Container,
    known: dict[str, Known],
    mountpoints: dict[str, dict[str, str]],
    notes: Notes,
) -> model.Container:
    assert container.host is not None
    assert container.rootfs is not None
    values, defaults = options.lower(name, container, notes)
    return model.Container(
        id=container.id,
        name=name,
        run=container.run,
        mode=container.mode or site.hosts[container.host].mode,
        template=container.template or "",
        root=model.RootFilesystem(
            container.rootfs.storage,
            int(container.rootfs.size.removesuffix("G")),
            tuple(sorted(container.rootfs.mountoptions)),
        ),
        unprivileged=container.unprivileged,
        options=values,
        defaults=defaults,
        networks=networks.lower(site, name, container, notes),
        mounts=mounts.lower(site, name, container, known, mountpoints, notes),
        idmap=idmaps.lines(container.idmap, ("containers", name, "idmap"), notes),
        services=tuple(sorted(container.services)),
        windows=tuple(names.window(text) for text in container.windows),
        freeze=consents.freeze(container.freeze),
        probe=consents.probe(container.probe),
    )
