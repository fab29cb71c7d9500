"""A container's mounts: what the sharing rules give, what is written, and volumes of its own."""

from collections.abc import Iterator, Mapping

from offctl.desired import model
from offctl_cli.site import key
from offctl_cli.site.compiler import sharing
from offctl_cli.site.compiler.catalogue import Known
from offctl_cli.site.compiler.notes import Notes
from offctl_cli.site.compiler.options import mount_options
from offctl_cli.site.model import Site
from offctl_cli.site.tables.containers import Container
from offctl_cli.site.tables.filesystems import Mount, Volume

Wanted = tuple[str, Mount, key.Path]
Without = tuple[key.Path, tuple[str, ...]]


def lower(
    site: Site,
    name: str,
    container: Container,
    known: dict[str, Known],
    mountpoints: dict[str, dict[str, str]],
    notes: Notes,
) -> tuple[model.Mount, ...]:
    """The mounts by target, every parent before its children."""
    lowered: list[model.Mount] = []
    host = container.host or ""
    for target, mount, path in _wanted(site, name, container, notes):
        # A rule has no line of its own to mend: the container's `application` is to blame.
        by_rule = path[2:3] != ("mounts",)
        blamed: key.Path = ("containers", name, "application") if by_rule else path
        bind = _bind(host, target, mount, blamed, known, mountpoints[host], notes)
        if bind is not None:
            lowered.append(bind)
            notes.came_from(host, "mount", f"{container.id}:{target}", path)
    for target, volume in container.volumes.items():
        path = ("containers", name, "volumes", target)
        notes.declared("storage", volume.storage, site.hosts[host].storage, (*path, "storage"))
        lowered.append(_volume(_plain(target), volume))
        notes.came_from(host, "mount", f"{container.id}:{_plain(target)}", path)
    return tuple(sorted(lowered, key=lambda each: each.target.split("/")))


def _wanted(site: Site, name: str, container: Container, notes: Notes) -> Iterator[Wanted]:
    """Written mounts replace those of the rules at their target; all targets without end slash."""
    written = list(_written(("containers", name), container.mounts))
    without: list[Without] = [(("containers", name), container.without_mounts)]
    rules: list[Wanted] = []
    if container.application is not None:
        path = ("containers", name, "application")
        every = sharing.applications(site)
        if notes.declared("application", container.application, every, path):
            application = every[container.application]
            at: key.Path = ("applications", container.application)
            overridden = {target for target, _, _ in written}
            mounts = _written(at, application.mounts)
            written += [each for each in mounts if each[0] not in overridden]
            without.append((at, application.without_mounts))
            rules = list(_by_rule(site, container.application))
    refused = _refused(without, rules, notes)
    replaced = refused | {target for target, _, _ in written}
    yield from (rule for rule in rules if rule[0] not in replaced)
    yield from written


def _by_rule(site: Site, application: str) -> Iterator[Wanted]:
    if sharing.applications(site)[application].flavor not in site.flavors:
        return  # complained about where the application is written
    for shared in sharing.mounts(site, application):
        mount = Mount(dataset=shared.dataset, directory=shared.directory or None)
        yield shared.target, mount, shared.origin


def _written(at: key.Path, mounts: Mapping[str, Mount]) -> Iterator[Wanted]:
    for target, mount in mounts.items():
        yield _plain(target), mount, (*at, "mounts", target)


def _refused(
    without: list[Without],
    rules: list[Wanted],
    notes: Notes,
) -> set[str]:
    by_rule = {target for target, _, _ in rules}
    refused = set()
    for path, targets in without:
        for index, target in enumerate(targets):
            refused.add(_plain(target))
            if _plain(target) not in by_rule:
                at = (*path, "without_mounts", index)
                text = f"{key.shown(at)}: no rule gives a mount at {target[:80]!r}"
                notes.complain("without-mounts", at, text, "remove it from the list")
    return refused


def _bind(
    host: str,
    target: str,
    mount: Mount,
    blamed: key.Path,
    known: dict[str, Known],
    mountpoints: dict[str, str],
    notes: Notes,
) -> model.BindMount | None:
    if not notes.declared("dataset", mount.dataset, known, blamed):
        return None
    if mount.dataset not in mountpoints:
        elsewhere = ", ".join(known[mount.dataset].dataset.place) or "no host"
        text = f"dataset {mount.dataset} for {target[:80]} is not on {host} but on {elsewhere}"
        hint = f"give it a place on {host}, or list the target in without_mounts"
        notes.complain("dataset-elsewhere", blamed, text, hint)
        return None
    directory = (mount.directory or "").rstrip("/")
    base = mountpoints[mount.dataset]
    return model.BindMount(
        target=target,
        source=f"{base}/{directory}" if directory else base,
        dataset=known[mount.dataset].dataset.place[host].dataset,
        subdirectory=directory,
        options=mount_options(
            read_only=mount.read_only,
            mountoptions=mount.mountoptions,
            shared=mount.shared or None,
        ),
    )


def _volume(target: str, volume: Volume) -> model.VolumeMount:
    return model.VolumeMount(
        target=target,
        storage=volume.storage,
        size=volume.size,
        volume=volume.volume or "",
        options=mount_options(
            read_only=volume.read_only,
            mountoptions=volume.mountoptions,
            acl=volume.acl,
            backup=volume.backup,
            replicate=volume.replicate,
        ),
    )


def _plain(target: str) -> str:
    return target.rstrip("/") or "/"
