"""`offctl approve`: write into the site that a plan may touch more than its share of a host."""

from dataclasses import replace
from pathlib import Path
import re

import click

from offctl_cli.site import edit, load

KEPT = 4


@click.command("approve")
@click.argument("host")
@click.argument("plan_hash", metavar="HASH")
@click.option("--site", type=click.Path(path_type=Path), default=Path(), help="Default: here.")
def command(host: str, plan_hash: str, *, site: Path) -> None:
    """Approve the plan HASH of HOST: edits the site's text, and nothing else.

    `offctl status HOST` shows the hash of a plan that waits. It stands for everything else that
    is signed for the host and for all that was found on it, so sign and publish no other change
    with it; when either differs, the host goes on waiting.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", plan_hash):
        raise click.UsageError("HASH is the 64 digits that `offctl status HOST` shows")
    read = load.read_site(site)
    found = edit.find(read, host)
    if found.container:
        raise click.UsageError(f"{host} is a container; plans are made and approved per host")
    known = read.hosts[found.name].approved
    approved = (*(each for each in known if each != plan_hash), plan_hash)[-KEPT:]
    listed = ", ".join(f'"{each}"' for each in approved)
    before = found.file.read_text(encoding="utf-8")
    after = edit.with_line(before, found.table, "approved", f"approved = [{listed}]")
    meant = tuple(sorted(approved))
    edit.write(site, found, after, lambda state: replace(state, approved=meant))
    click.echo(f"{found.file}: plan {plan_hash} of {found.name} is approved")
    click.echo("next: `offctl sign` and `offctl publish`, without any other change")
