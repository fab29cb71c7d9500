"""`offctl tunnel rotate` and `revoke`: write the next phase of a tunnel's key into the site."""

from dataclasses import replace
from pathlib import Path

import click

from offctl import errors, files, links
from offctl.links import Link
from offctl_cli import connection, rotation, stanza
from offctl_cli.client import Client
from offctl_cli.commands.tunnels import newest
from offctl_cli.console import visible
from offctl_cli.rotation import NotYet, Phase
from offctl_cli.site import load
from offctl_cli.site.model import Site
from offctl_cli.site.tables.tunnels import ClientEnd, ServerEnd, Tunnel

MAX_FILE = 4 * 1024 * 1024
_SITE = click.option(
    "--site",
    "directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The site's directory (default: here).",
)


@click.group("tunnel")
def command() -> None:
    """Give a tunnel another key. The site is changed; sign and publish it afterwards."""


@command.command("rotate")
@click.argument("name", required=False)
@click.option("--host", help="Every tunnel with an end on this host.")
@_SITE
@connection.options
def rotate(
    name: str | None,
    *,
    host: str | None,
    directory: Path,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Write the next phase of the rotation of tunnel NAME, when the hosts say it is time.

    Three phases, each published before the next: the server accepts the new key too; the client
    uses it; the old one goes. Nobody is cut off by any of them. Exit 1 when one has to wait.
    With --host those that are between phases go on, and all begin only when none is.
    """
    if (name is None) == (host is None):
        raise click.UsageError("name one tunnel, or a host with --host")
    site = _read(directory)
    chosen = _chosen(site, name, host)
    if host is not None:
        chosen = _together(site, chosen)
    known: dict[str, Link] = {}
    if any(site.tunnels[each].rotation for each in chosen):
        with Client(connection.resolve(address, trust, certificate, key)) as fleet:
            known = {link.name: link for link in links.links(newest(fleet))}
    waiting, last = 0, True
    for each in chosen:
        ends = _hosts(site, site.tunnels[each])
        phase = rotation.following(each, site.tunnels[each], ends, known.get(each))
        if isinstance(phase, NotYet):
            waiting += 1
            click.echo(visible(f"waiting: {phase.reason}"))
        else:
            write(directory, each, phase, revoked=None)
            click.echo(visible(f"{each}: {phase.told}"))
            last &= phase.rotation is None
    if waiting < len(chosen):
        then = "that was the last phase" if last else "then rotate again for the next phase"
        click.echo(f"next: offctl sign, offctl publish; {then}")
    if waiting or not chosen:
        raise SystemExit(1)


@command.command("revoke")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_SITE
def revoke(name: str, *, yes: bool, directory: Path) -> None:
    """Cut tunnel NAME off its key at once: the key is known to somebody it is not for.

    Live connections with it are cut, and with them those of everything its server's stunnel
    serves. The tunnel works again as soon as both hosts have the new release.
    """
    site = _read(directory)
    (each,) = _chosen(site, name, None)
    tunnel = site.tunnels[each]
    if tunnel.psk_file or tunnel.psk:
        raise errors.AuthorError(
            f"cannot revoke {each}: its key is in {tunnel.psk_file or 'a file that people made'}",
            hint="put another key into that file at both ends, and restart stunnel there",
        )
    phase = rotation.revoked(tunnel)
    others = sorted(other for other in site.tunnels if other != each and _beside(site, each, other))
    click.echo(visible(f"{each}: {phase.told}"))
    if others:
        click.echo(visible(f"connections of these are cut too, once: {', '.join(others)}"))
    if not yes:
        click.confirm("Write this into the site?", abort=True)
    write(directory, each, phase, revoked=tunnel.generation)
    click.echo("next: offctl sign and offctl publish, now")


def write(directory: Path, name: str, phase: Phase, *, revoked: int | None) -> None:
    """Change one stanza of the site, and see that nothing else has changed by that."""
    before = _read(directory)
    path = Path(before.place(("tunnels", name)).file)
    content = files.require(path, limit=MAX_FILE)
    values = {
        "generation": str(phase.generation),
        "rotation": None if phase.rotation is None else f'"{phase.rotation}"',
        "revoked": None if revoked is None else str(revoked),
    }
    if revoked is None and before.tunnels[name].revoked:
        values["revoked"] = str(before.tunnels[name].revoked)
    new = stanza.with_values(content.decode(), ("tunnels", name), values)
    files.write(path, new.encode(), mode=path.stat().st_mode & 0o777)
    wanted = replace(
        before.tunnels[name],
        generation=phase.generation,
        rotation=phase.rotation,
        revoked=revoked or before.tunnels[name].revoked,
    )
    after = load.read_site(directory)
    if after.findings or _content(after) != _content(before) | {
        "tunnels": {**before.tunnels, name: wanted}
    }:
        files.write(path, content, mode=path.stat().st_mode & 0o777)
        raise errors.AuthorError(
            f"cannot change [tunnels.{name}] in {path}: it would mean something else",
            hint=f"write generation = {phase.generation} and the rest by hand",
        )


def _read(directory: Path) -> Site:
    site = load.read_site(directory)
    if site.findings:
        raise errors.AuthorError(
            f"cannot change the site: {site.findings[0]}", hint="`offctl check` says all of it"
        )
    return site


def _content(site: Site) -> dict[str, object]:
    """What a site says, without where it says so."""
    return {
        field: getattr(site, field)
        for field in Site.__dataclass_fields__
        if field not in ("findings", "places", "origins", "whole")
    }


def _chosen(site: Site, name: str | None, host: str | None) -> list[str]:
    if name is not None and name not in site.tunnels:
        raise errors.AuthorError(
            f"cannot find tunnel {name!r} in the site", hint=f"there are: {', '.join(site.tunnels)}"
        )
    if host is not None and host not in site.hosts:
        raise errors.AuthorError(
            f"cannot find host {host!r} in the site", hint=f"there are: {', '.join(site.hosts)}"
        )
    if name is not None:
        return [name]
    found = [each for each in sorted(site.tunnels) if host in _hosts(site, site.tunnels[each])]
    if not found:
        raise errors.AuthorError(f"cannot rotate anything: no tunnel has an end on {host}")
    return found


def _together(site: Site, chosen: list[str]) -> list[str]:
    """Those of a host's tunnels that are rotated now; says of the others why they are not."""
    told = {
        each: f"its key is in {site.tunnels[each].psk_file or 'a file that people made'}"
        for each in chosen
        if site.tunnels[each].psk_file or site.tunnels[each].psk
    }
    ours = [each for each in chosen if each not in told]
    # Whoever is done waits for the others: one more phase of it would be another rotation.
    under_way = [each for each in ours if site.tunnels[each].rotation]
    if under_way:
        told |= {each: "no rotation of it is under way" for each in ours if each not in under_way}
    for each, reason in sorted(told.items()):
        click.echo(visible(f"{each}: left as it is, {reason}"))
    return under_way or ours


def _hosts(site: Site, tunnel: Tunnel) -> tuple[str, str]:
    """The hosts of the client and of the server end; "" for one that is not managed."""

    def of(end: ClientEnd | ServerEnd) -> str:
        container = site.containers.get(end.container or "")
        return (end.host if container is None else container.host) or ""

    return of(tunnel.client), of(tunnel.server)


def _beside(site: Site, one: str, other: str) -> bool:
    """Whether another tunnel's end is in the stunnel that serves this one."""
    server, tunnel = site.tunnels[one].server, site.tunnels[other]
    return site.tunnels[one].instance == tunnel.instance and any(
        (end.container, end.host, end.unmanaged) == (server.container, server.host, None)
        for end in (tunnel.client, tunnel.server)
    )
