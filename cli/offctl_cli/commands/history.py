"""`offctl history`: what was published, when and by whom; and what one host did about it."""

from collections.abc import Iterator
from dataclasses import asdict
import json
from pathlib import Path

import click

from offctl.tables import INSTANT
from offctl_cli import connection, console, happened
from offctl_cli.client import Client
from offctl_cli.fleet import HistoryEntry

MOST = 1000


@click.command("history")
@click.argument("host", required=False, default="")
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    host: str,
    *,
    limit: int,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """List published releases; or what HOST did, under the release it worked towards. Newest first.

    Of each change the value before and after, how long it took, and how it ended. What somebody
    changed there unasked stands among it. The newest 1,000 releases, and 1,000 events of each
    host, are kept.

    \b
    offctl history
    offctl history off2 --limit 10
    """  # noqa: D301 - click reads the \b
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        if host:
            lines = _host(client, host, limit, as_json=as_json)
        else:
            lines = _releases(client, limit, as_json=as_json)
        for line in lines:
            click.echo(line)


def _host(client: Client, host: str, limit: int, *, as_json: bool) -> Iterator[str]:
    events = tuple(reversed(client.list_events(host, limit=limit).events))
    if as_json:
        yield json.dumps([happened.event_json(event) for event in events], indent=2)
        return
    if events:
        yield from happened.host_lines(events, client.history())
        return
    # Whether there is such a host at all: raises where not.
    client.get_host(host)
    yield f"{console.visible(host)} has not changed anything yet"


def _releases(client: Client, limit: int, *, as_json: bool) -> Iterator[str]:
    entries = client.history(limit)
    if as_json:
        yield json.dumps([_values(entry) for entry in entries], indent=2)
    elif not entries:
        yield "nothing has been published yet"
    else:
        yield f"{'SERIAL':>6}  {'PUBLISHED':20}  {'HOSTS':>5}  {'MANIFEST':12}  OPERATOR"
        yield from (_line(entry) for entry in entries)


def _line(entry: HistoryEntry) -> str:
    return (
        f"{entry.serial:>6}  {entry.published.strftime(INSTANT)}  {entry.hosts:>5}  "
        f"{entry.manifest_sha256[:12]}  {console.visible(entry.operator)}"
    )


def _values(entry: HistoryEntry) -> dict[str, object]:
    return {**asdict(entry), "published": entry.published.strftime(INSTANT)}
