"""`offctl publish`: offer a signed release to the coordinator."""

from dataclasses import asdict
import json
from pathlib import Path

import click

from offctl import errors
from offctl.desired import bundle
from offctl.trust import release as releases
from offctl.trust.release import SignedRelease
from offctl_cli import connection, cutting, signedfile
from offctl_cli.client import Client
from offctl_cli.commands.tunnels import last_words


@click.command("publish")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--cut", multiple=True, metavar="TUNNEL", help="A tunnel that may be cut by it.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    release: Path,
    cut: tuple[str, ...],
    *,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Offer the signed RELEASE to the coordinator, which takes all of it or nothing.

    RELEASE may be a successor of the trust root too (`offctl trust rotate`). One that would cut a
    tunnel, by what the hosts said last of its key, is not offered without --cut.
    """
    content = signedfile.read(release)
    if not signedfile.is_release(content):
        with Client(connection.resolve(address, trust, certificate, key)) as client:
            done = client.publish_root(content)
        if as_json:
            click.echo(json.dumps({"trust_root": asdict(done), "release": None}, indent=2))
            return
        said = "was in force already" if done.already_in_force else "is in force"
        click.echo(f"trust root {done.version} {said}; hosts get it with their next poll")
        click.echo("publish a release that it accepts, or the hosts have nothing to go by")
        return
    found = releases.parse(content)
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        _refuse_cuts(found, cut, client)
        published = client.publish(found)
    if as_json:
        click.echo(json.dumps({"trust_root": None, "release": asdict(published)}, indent=2))
        return
    if published.already_current:
        click.echo(f"release {published.serial} is already current")
        return
    hosts = ", ".join(name for name, _ in found.bundles)
    click.echo(f"published release {published.serial} for {published.hosts} hosts: {hosts}")


def _refuse_cuts(release: SignedRelease, meant: tuple[str, ...], fleet: Client) -> None:
    """Raises AuthorError when the phases of a tunnel's key are out of order."""
    wanted = {host: bundle.parse(content) for host, content in release.bundles}
    if not any(state.tunnels for state in wanted.values()):
        return
    for name, reason in cutting.cuts(wanted, last_words(fleet)):
        if name not in meant:
            raise errors.AuthorError(
                f"cannot publish this: it would cut tunnel {name}: {reason}",
                hint="`offctl tunnel rotate` writes the phases in their order; a key that is to be "
                f"cut is revoked (`offctl tunnel revoke {name}`), or say --cut {name}",
            )
