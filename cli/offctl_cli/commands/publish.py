"""`offctl publish`: offer a signed release to the coordinator."""

from pathlib import Path

import click

from offctl import files
from offctl.trust import release as releases
from offctl_cli import connection
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
    """Offer the signed RELEASE to the coordinator, which takes all of it or nothing."""
    found = releases.parse(files.require(release, limit=releases.MAX_RELEASE))
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        published = client.publish(found)
    if published.already_current:
        click.echo(f"release {published.serial} is already current")
        return
    hosts = ", ".join(name for name, _ in found.bundles)
    click.echo(f"published release {published.serial} for {published.hosts} hosts: {hosts}")
