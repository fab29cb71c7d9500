"""`offctl host`: put a host's identity into the site, replace it, take it out."""

from pathlib import Path
import sys

import click

from offctl import errors, files
from offctl.desired import names
from offctl_cli import identities
from offctl_cli.identities import Identity

_SITE = click.option(
    "--site", type=click.Path(path_type=Path), default=Path(), help="Its directory."
)


@click.group("host")
def command() -> None:
    """Say in the site which keys a host has: they are who it is."""


@command.command("add")
@click.argument("name")
@click.argument("lines", type=click.Path(path_type=Path), required=False)
@click.option("--replace", is_flag=True, help="The host has new keys; the old ones end.")
@_SITE
def add(name: str, lines: Path | None, *, replace: bool, site: Path) -> None:
    """Put into the site what `offctl-agent init` printed on host NAME (LINES, or standard input).

    The host must be in the site already. Its identity goes into identities/NAME.toml. Sign and
    publish; from then on the host is let in.
    """
    names.checked(name, names.NAME, "host name")
    given = identities.parse(_input(lines), name)
    if name not in identities.described(site):
        raise errors.AuthorError(
            f"cannot add host {name}: the site does not describe it",
            hint=f"write [hosts.{name}] with its cluster and pools first; see offctl-site(5)",
        )
    known = identities.known(site)
    _refuse_taken(given, name, known)
    present = known.get(name)
    if present is not None and present.identity == given:
        click.echo(f"host {name} has these keys already ({present.place})")
        return
    if present is not None and not replace:
        raise errors.AuthorError(
            f"cannot add host {name}: it has other keys, at {present.place}",
            hint="if it really has new ones, say --replace; the old ones end with the next release",
        )
    file = identities.put(site, name, given, present)
    click.echo(f"{file}: the {'new ' if present else ''}identity of host {name}")
    click.echo(f"  certificate sha256 {given.fingerprint}")
    click.echo(f"  tunnel key {given.tunnel_key}")
    click.echo("compare with what the host shows; then `offctl check`, sign and publish")
    before = None if present is None else present.identity
    if before is not None and before.tunnel_key != given.tunnel_key:
        click.echo("its tunnels go on with the keys they have until they are rotated; after that:")
        click.echo(f"  offctl tunnel rotate --host {name}, sign and publish, once for each phase")


@command.command("revoke")
@click.argument("name")
@_SITE
def revoke(name: str, *, site: Path) -> None:
    """Take the identity of host NAME out of the site; the release without it shuts the host out.

    At once, also where it is connected. What runs there goes on; its tunnels end when the other
    ends hear of it.
    """
    names.checked(name, names.NAME, "host name")
    present = identities.known(site).get(name)
    if present is None:
        raise errors.AuthorError(f"cannot revoke host {name}: the site has no identity of it")
    file = identities.take_out(site, name, present)
    click.echo(f"{file}: removed; host {name} is shut out once a release without it is published")


def _input(lines: Path | None) -> bytes:
    if lines is None or str(lines) == "-":
        return sys.stdin.buffer.read(identities.LIMIT + 1)
    return files.require(lines, limit=identities.LIMIT)


def _refuse_taken(given: Identity, name: str, known: "identities.Known") -> None:
    for other, present in known.items():
        theirs = present.identity
        if other == name or theirs is None:
            continue
        if given.fingerprint == theirs.fingerprint or given.tunnel_key == theirs.tunnel_key:
            raise errors.AuthorError(
                f"cannot add host {name}: these are keys of host {other}, at {present.place}",
                hint="was its disk copied? make new keys there: `offctl-agent init --replace "
                "certificate --replace tunnel-key`",
            )
