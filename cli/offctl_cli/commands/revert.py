"""`offctl revert`: a new release with an older one's content, after showing what that changes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from offctl import errors, files
from offctl.trust import keys as trust_keys
from offctl.trust.keys import SecretKey
from offctl_cli import believing, connection, reverting, signing
from offctl_cli.client import Client
from offctl_cli.commands import sign
from offctl_cli.console import visible


@click.command("revert")
@click.argument("serial", type=click.IntRange(1))
@click.option(
    "--sign-with", "key_files", multiple=True, required=True, type=click.Path(path_type=Path),
    metavar="FILE", help="A secret release key; several sign together.",
)  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="RELEASE",
    help="Where to write it.",
)  # fmt: skip
@click.option(
    "--expires-days", type=click.IntRange(1, 3660), default=90, show_default=True,
    help="How long it is good for.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Sign without asking.")
@connection.options
def command(
    serial: int,
    *,
    key_files: tuple[Path, ...],
    output: Path,
    expires_days: int,
    yes: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Sign a release of a new serial that asks again for what release SERIAL asked for.

    Shows the difference first. Data is never rolled back. Who the hosts are, which hosts there
    are, what is frozen and how far tunnel keys are rotated stay as they are now. Publish it as
    always; the site's own text stays as it is, so change that too before you sign it again.
    """
    resolved = connection.resolve(address, trust, certificate, key)
    with Client(resolved) as client:
        newest = believing.release(client, client.list_hosts().serial, resolved.root)
        older = believing.release(client, serial, resolved.root)
    if older[1].serial == newest[1].serial:
        raise errors.AuthorError(f"cannot go back to release {serial}: it is the newest")
    reverted = reverting.revert(older[0], newest[0])
    shown = [visible(line) for line in reverting.difference(newest[0], reverted.states)]
    for line in (*shown, *(f"note: {visible(note)}" for note in reverted.notes)):
        click.echo(line)
    if not shown:
        click.echo(f"release {newest[1].serial} asks for the same as release {serial} already")
        return
    last = sign.read(output).manifest.serial if output.exists() else 0
    new = max(last, newest[1].serial) + 1
    if not yes:
        click.confirm(f"sign this as release {new}?", abort=True)
    created = datetime.now(UTC).replace(microsecond=0)
    signed = signing.make_release(
        reverted.states,
        serial=new,
        created=created,
        expires=created + timedelta(days=expires_days),
        keys=[SecretKey.from_pem(files.require(f, limit=trust_keys.MAX_PEM)) for f in key_files],
    )
    sign.write(output, signed)
    click.echo(f"next: `offctl publish {output}`; then bring the site's text to the same")
