"""`offctl status`: what is not right, why, and of what is well only how much."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
import json
from pathlib import Path
import sys
import time

import click

from offctl import errors
from offctl_cli import (
    believing,
    connection,
    foreseeing,
    onehost,
    oneresource,
    overview,
    reverting,
)
from offctl_cli.client import Client
from offctl_cli.connection import Connection

POLL = 1.0
REDRAW = 5.0
MOST_CONCERNS = 1000
_EVENTS = 500


@click.command("status")
@click.argument("host", required=False)
@click.argument("resource", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--all", "everything", is_flag=True, help="Leave nothing out, also of what is well.")
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
    resource: str | None,
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
    """Show what is not right: of the site, worst first; on one HOST; or all about one RESOURCE.

    RESOURCE is a container's name or id, a dataset, a tunnel, a pool, or an address as
    `offctl explain` takes it.

    Exit 0 when all is right, 1 when something wants attention, 2 when something is broken, 3 when
    the coordinator was not reached.

    \b
    offctl status
    offctl status off2
    offctl status off2 containers/off
    offctl status --watch
    """  # noqa: D301 - click reads the \b
    if host is not None and wait:
        raise click.UsageError("--wait is about all hosts; leave HOST out")
    if resource is not None and watch:
        raise click.UsageError("--watch is about the site or a host; leave RESOURCE out")
    resolved = connection.resolve(address, trust, certificate, key)
    with Client(resolved) as fleet:
        if host is not None and resource is not None:
            status = _resource(fleet, resolved, host, resource, as_json=as_json)
        elif wait:
            status = _wait(fleet, wait, as_json=as_json)
        else:
            look = _looks(fleet, host, as_json=as_json, everything=everything)
            status = _watch(look, as_json=as_json) if watch else _once(look)
    sys.exit(status)


# What would be seen: its essence, its exit status, and how to print it.
_Look = Callable[[], tuple[object, int, Callable[[], None]]]


def _now() -> datetime:
    return datetime.now(UTC)


def _looks(fleet: Client, host: str | None, *, as_json: bool, everything: bool) -> _Look:
    def site() -> tuple[object, int, Callable[[], None]]:
        every = as_json or everything
        limit = MOST_CONCERNS if every else 0
        found, now = fleet.get_overview(limit=limit, every_host=every), _now()

        def show() -> None:
            if as_json:
                click.echo(json.dumps(overview.overview_json(found), indent=1))
            else:
                overview.print_overview(found, now, everything=everything)

        return overview.essence(found), overview.exit_status_of(found, now), show

    def one() -> tuple[object, int, Callable[[], None]]:
        assert host is not None
        found, now = fleet.get_host(host), _now()

        def show() -> None:
            if as_json:
                click.echo(json.dumps(onehost.host_json(found), indent=1))
            else:
                onehost.print_host(found, now, everything=everything)

        return onehost.essence(found), onehost.exit_status(found, now), show

    return site if host is None else one


def _once(look: _Look) -> int:
    _, status, show = look()
    show()
    return status


def _watch(look: _Look, *, as_json: bool) -> int:
    shown, printed = None, 0.0
    status = 0
    try:
        while True:
            try:
                state, status, show = look()
            except errors.UnreachableError as error:
                click.echo(f"offctl: {error} (trying again)", err=True)
                shown = None
            else:
                screen = sys.stdout.isatty() and not as_json
                # On a screen ages must move too.
                if state != shown or (screen and time.monotonic() - printed > REDRAW):
                    if screen:
                        click.clear()
                        click.echo(f"{_now():%H:%M:%S} UTC, looked at every second; Ctrl-C ends\n")
                    show()
                    sys.stdout.flush()
                    shown, printed = state, time.monotonic()
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
            return _once(_looks(fleet, None, as_json=as_json, everything=False))
        time.sleep(0.2)


def _resource(
    fleet: Client, resolved: Connection, host: str, resource: str, *, as_json: bool
) -> int:
    found = fleet.get_host(host)
    report, unreadable = onehost.read(found)
    serial = found.status.serial or fleet.list_hosts().serial
    release, _ = believing.release(fleet, serial, resolved.root)
    state = reverting.states(release).get(host)
    if state is None:
        raise errors.NotFoundError(f"cannot show anything of {host}: release {serial} lacks it")
    seen = foreseeing.seen(fleet, state.site, (found.status,))[host]
    events = fleet.list_events(host, limit=_EVENTS).events
    shown = oneresource.show(
        *(resource, state, report, seen, events),
        status=found.status,
        release=serial,
        unreadable=unreadable,
    )
    now = _now()
    if as_json:
        click.echo(json.dumps(oneresource.as_json(shown, host, overview.SCHEMA), indent=1))
    else:
        _print(oneresource.lines(shown, host, now))
    return oneresource.exit_status(shown, now)


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(line)
