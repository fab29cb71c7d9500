"""`offctl publish`: offer a signed release to the coordinator."""

from pathlib import Path

import click

from offctl.trust import release as releases
from offctl_cli import connection, signedfile
from offctl_cli.client import Client


@click.command("publish")
@click.argument("release", type=click.Path(path_type=Path))
@connection.options
def command(
    release: Path,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Offer the signed RELEASE to the coordinator, which takes all of it or nothing.

    RELEASE may be a successor of the trust root too (`offctl trust rotate`).
    """
    content = signedfile.read(release)
    if not signedfile.is_release(content):
        with Client(connection.resolve(address, trust, certificate, key)) as client:
            done = client.publish_root(content)
        said = "was in force already" if done.already_in_force else "is in force"
        click.echo(f"trust root {done.version} {said}; hosts get it with their next poll")
        click.echo("publish a release that it accepts, or the hosts have nothing to go by")
        return
    found = releases.parse(content)
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        published = client.publish(found)
    if published.already_current:
        click.echo(f"release {published.serial} is already current")
        return
    hosts = ", ".join(name for name, _ in found.bundles)
    click.echo(f"published release {published.serial} for {published.hosts} hosts: {hosts}")
