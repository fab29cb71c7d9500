"""Rules about [containers.*]: what must be one of a kind, and what must not be forgotten."""

from collections.abc import Iterator
import itertools
import zoneinfo

from offctl.desired import names, properties
from offctl_cli.site import key, model
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.lint import rule, tunnels
from offctl_cli.site.tables.containers import Container


@rule.error("duplicate-id", "A container id is used once in a cluster.")
def duplicate_id(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    owners: dict[tuple[str | None, int], str] = {}
    for name, container in site.containers.items():
        cluster = tunnels.cluster_of(site, container.host)
        owner = owners.setdefault((cluster, container.id), name)
        if cluster is not None and owner != name:
            text = f"containers.{name} has id {container.id} of containers.{owner}"
            yield ("containers", name, "id"), text, f"ids are unique in cluster {cluster!r}"
        host = site.hosts.get(container.host or "")
        if host is not None and container.id in host.unmanaged.guests:
            text = f"containers.{name} has id {container.id}, unmanaged on {container.host!r}"
            yield ("containers", name, "id"), text, "remove it from unmanaged.guests"


@rule.warning(
    "unprotected",
    "A container that runs an application has protection and onboot on.",
)
def unprotected(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, container in site.containers.items():
        if container.application is None:
            continue
        missing = [
            word for word in ("protection", "onboot") if getattr(container, word) is not True
        ]
        if missing:
            text = (
                f"containers.{name} runs {container.application!r} without {' and '.join(missing)}"
            )
            hint = "write " + ", ".join(f"{word} = true" for word in missing)
            yield ("containers", name), text, hint


@rule.warning("odd-size", "A volume holds from 1 GiB to 32 TiB.")
def odd_size(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, container in site.containers.items():
        for target, volume in container.volumes.items():
            amount = properties.size(volume.size) or 0
            if not 1024**3 <= amount <= 32 * 1024**4:
                path = ("containers", name, "volumes", target, "size")
                text = f"{key.shown(path)} is {volume.size}"
                yield path, text, "a volume is never shrunk: see that the unit is right"


@rule.error("unknown-time-zone", "A time zone is one that the system knows.")
def unknown_time_zone(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    if not _is_zone("UTC"):
        return  # a system without a zone database knows nothing to compare with
    for path, zone in _zones(site):
        if not _is_zone(zone):
            text = f"{key.shown(path)} names the time zone {zone!r}, which is unknown"
            yield path, text, "zones are written like Europe/Paris"


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of zones
        return False
    return True


def _zones(site: model.Site) -> Iterator[tuple[key.Path, str]]:
    windows = itertools.chain(
        ((("hosts", name), host.windows) for name, host in site.hosts.items()),
        ((("containers", name), each.windows) for name, each in site.containers.items()),
    )
    for path, texts in windows:
        for position, text in enumerate(texts):
            yield (*path, "windows", position), names.window(text).zone
    for name, container in site.containers.items():
        if isinstance(container.timezone, str) and container.timezone != "host":
            yield ("containers", name, "timezone"), container.timezone


@rule.error("contradiction", "Two settings of a container do not contradict each other.")
def contradiction(site: model.Site, _: Compiled) -> Iterator[rule.Complaint]:
    for name, container in site.containers.items():
        yield from _contradictions(("containers", name), container)


def _contradictions(path: key.Path, container: Container) -> Iterator[rule.Complaint]:
    shown = key.shown(path)
    if not container.unprivileged and container.idmap is not None:
        text = f"{shown} has an idmap but is privileged"
        yield (*path, "idmap"), text, "remove idmap, or unprivileged = false"
    if not container.unprivileged and container.application is not None:
        text = f"{shown} runs an application privileged: its root is the host's root"
        yield (*path, "unprivileged"), text, "remove unprivileged = false"


RULES = (duplicate_id, unprotected, odd_size, unknown_time_zone, contradiction)
