"""`offctl events`: who published what, what each host did, and what others did to them."""

from collections.abc import Iterable
import json
from pathlib import Path
import sys
import time

import click

from offctl import errors
from offctl_cli import connection, happened
from offctl_cli.client import Client
from offctl_cli.fleet import Event, EventPage

POLL = 1.0
MOST = 500


@click.command("events")
@click.argument("host", required=False, default="")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=30, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="For programs: one object in each line.")
@connection.options
def command(
    host: str,
    *,
    follow: bool,
    limit: int,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """List what happened, of one HOST or everywhere, oldest first: a line for each event.

    The order is that in which the coordinator heard of it; times are those of the hosts, in UTC.
    The newest 1,000 events of each host are kept.

    \b
    offctl events
    offctl events -f off2
    """  # noqa: D301 - click reads the \b
    with Client(connection.resolve(address, trust, certificate, key)) as client:
        page = client.list_events(host, limit=limit)
        _print(page.events, as_json=as_json)
        if not follow:
            if not page.events:
                click.echo("nothing has happened yet", err=True)
            return
        try:
            _follow(client, host, _last(page), as_json=as_json)
        except KeyboardInterrupt:
            return


def _print(events: Iterable[Event], *, as_json: bool) -> None:
    for event in events:
        told = json.dumps(happened.event_json(event)) if as_json else happened.line(event)
        click.echo(told)
    sys.stdout.flush()


def _follow(client: Client, host: str, after: int, *, as_json: bool) -> None:
    """Ask for what is newer, again and again; none is missed when the coordinator is away."""
    away = False
    while True:
        time.sleep(POLL)
        try:
            page = client.list_events(host, after=after, limit=MOST)
        except errors.UnreachableError as error:
            if not away:
                click.echo(f"offctl: {error} (trying again)", err=True)
            away = True
            # All of several have the same events under the same numbers.
            client.look_again()
            continue
        away = False
        if page.newest < after:
            click.echo("offctl: the coordinator has begun a new log of events", err=True)
            after = 0
            continue
        _print(page.events, as_json=as_json)
        # Fewer than asked for: nothing older is left, whoever's it is.
        after = page.events[-1].number if len(page.events) == MOST else _last(page)


def _last(page: EventPage) -> int:
    return max((page.newest, *(event.number for event in page.events)))
