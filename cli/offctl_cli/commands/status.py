"""`offctl status`: how every host is, and why one is not as it should be."""

from datetime import UTC, datetime
import json
from pathlib import Path
import sys
import time

import click

from offctl import errors
from offctl_cli import connection, overview
from offctl_cli.client import Client
from offctl_cli.fleet import HostList

POLL = 1.0
REDRAW = 5.0


@click.command("status")
@click.argument("host", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--all", "everything", is_flag=True, help="With HOST: leave nothing out.")
@click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C.")
@click.option(
    "--wait",
    type=click.IntRange(1, 86_400),
    metavar="SECONDS",
    help="Wait until every host has settled on the newest release, at most so long.",
)
@connection.options
def command(
    host: str | None,
    *,
    as_json: bool,
    everything: bool,
    watch: bool,
    wait: int | None,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Show every host in one line each, or one HOST with what is not right there.

    Exit 0 when all is right, 1 when something wants attention, 2 when something is broken, 3 when
    the coordinator was not reached.
    """
    if host is not None and (watch or wait):
        raise click.UsageError("--watch and --wait are about all hosts; leave HOST out")
    with Client(connection.resolve(address, trust, certificate, key)) as fleet:
        if host is not None:
            status = _one(fleet, host, as_json=as_json, everything=everything)
        elif watch:
            status = _watch(fleet, as_json=as_json)
        elif wait:
            status = _wait(fleet, wait, as_json=as_json)
        else:
            listing = fleet.list_hosts()
            _print(listing, as_json=as_json)
            status = overview.exit_status(listing.hosts)
    sys.exit(status)


def _now() -> datetime:
    return datetime.now(UTC)


def _one(fleet: Client, host: str, *, as_json: bool, everything: bool) -> int:
    found = fleet.get_host(host)
    if as_json:
        click.echo(json.dumps(overview.host_json(found), indent=1))
    else:
        overview.print_host(found, _now(), everything=everything)
    return overview.exit_status((found.status,))


def _print(listing: HostList, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(overview.listing_json(listing), indent=1))
    else:
        overview.print_listing(listing, _now())


def _watch(fleet: Client, *, as_json: bool) -> int:
    shown, printed = None, 0.0
    status = 0
    try:
        while True:
            try:
                listing = fleet.list_hosts()
            except errors.UnreachableError as error:
                click.echo(f"offctl: {error} (trying again)", err=True)
                shown = None
            else:
                state = overview.essence(listing)
                screen = sys.stdout.isatty() and not as_json
                # On a screen ages must move too.
                if state != shown or (screen and time.monotonic() - printed > REDRAW):
                    if screen:
                        click.clear()
                    _print(listing, as_json=as_json)
                    sys.stdout.flush()
                    shown, printed = state, time.monotonic()
                status = overview.exit_status(listing.hosts)
            time.sleep(POLL)
    except KeyboardInterrupt:
        return status


def _wait(fleet: Client, seconds: int, *, as_json: bool) -> int:
    """Until no host is on its way any more; tells each change in one line meanwhile."""
    until = time.monotonic() + seconds
    known: dict[str, str] = {}
    while True:
        listing = fleet.list_hosts()
        for status in listing.hosts:
            word = overview.word(status)
            if known.get(status.host) != word:
                click.echo(overview.change(status, known.get(status.host)), err=True)
                known[status.host] = word
        if overview.settled(listing.hosts, listing.serial) or time.monotonic() > until:
            _print(listing, as_json=as_json)
            return overview.exit_status(listing.hosts)
        time.sleep(0.2)
