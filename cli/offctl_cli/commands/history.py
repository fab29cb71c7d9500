"""`offctl history`: what was published, when and by whom."""

from dataclasses import asdict
import json
from pathlib import Path

import click

from offctl.tables import INSTANT
from offctl_cli import connection, console
from offctl_cli.client import Client
from offctl_cli.fleet import HistoryEntry


@click.command("history")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    *,
    limit: int,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """List published releases, newest first."""
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        entries = client.history(limit)
    if as_json:
        click.echo(json.dumps([_values(entry) for entry in entries], indent=2))
        return
    if not entries:
        click.echo("nothing has been published yet")
        return
    click.echo(f"{'SERIAL':>6}  {'PUBLISHED':20}  {'HOSTS':>5}  {'MANIFEST':12}  OPERATOR")
    for entry in entries:
        click.echo(_line(entry))


def _line(entry: HistoryEntry) -> str:
    return (
        f"{entry.serial:>6}  {entry.published.strftime(INSTANT)}  {entry.hosts:>5}  "
        f"{entry.manifest_sha256[:12]}  {console.visible(entry.operator)}"
    )


def _values(entry: HistoryEntry) -> dict[str, object]:
    return {**asdict(entry), "published": entry.published.strftime(INSTANT)}
