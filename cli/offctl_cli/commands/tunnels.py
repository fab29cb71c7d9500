"""`offctl tunnels`: every encrypted link, what both of its ends say, and since when."""

from collections.abc import Iterable
from datetime import UTC, datetime
import json
from pathlib import Path
import sys

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offctl import links, progress
from offctl.links import Link
from offctl.report import AGENT, Report
from offctl.status import UNHEARD, State
from offctl_cli import connection, onehost, overview
from offctl_cli.client import Client
from offctl_cli.console import visible
from offctl_cli.fleet import HostDetail

_STYLES = {"proven": "green", "loaded": "green", "silent": "yellow", "not loaded": "yellow"}


@click.command("tunnels")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    *,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Show every tunnel: both ends, generation, whether it works and since when.

    `proven` means that a connection through the client end, to the far target, stayed up when it
    was tried last. That is done at once when something changes on the client's host, otherwise
    about every ten minutes: a break at the far end or on the way may take a quarter of an hour to
    be seen. A target that takes connections and answers nothing counts as working. What a host
    that is silent, or two machines, said last of its ends is no news, and one whose run was ended
    by an error says nothing of them. Exit 0 when every tunnel is right, 1 when one is not or not
    known, 3 when the coordinator was not reached.
    """
    resolved = connection.resolve(address, trust, certificate, key)
    with Client(resolved) as fleet, progress.shown("asking how the tunnels are"):
        hosts = _hosts(fleet)
    found, lost = told(hosts), [*_unreadable(hosts), *_ended(hosts)]
    if as_json:
        click.echo(json.dumps([links.as_json(link) for link in found], indent=1))
    elif not found and not lost:
        click.echo("no host has said anything of a tunnel")
    else:
        _print(found)
        for line in lost:
            click.echo(visible(line))
    sys.exit(0 if all(link.right for link in found) and not lost else 1)


def newest(fleet: Client) -> dict[str, Report | None]:
    """What every host says now; None for those that say nothing, or whose word no longer holds."""
    return _heard(_hosts(fleet))


def last_words(fleet: Client) -> tuple[dict[str, Report | None], frozenset[str]]:
    """What every host said last, and be it long ago: a host that is not heard works on by that.

    And those that are mute.
    """
    hosts = _hosts(fleet)
    return {found.status.host: onehost.read(found)[0] for found in hosts}, mute(hosts)


def mute(hosts: Iterable[HostDetail]) -> frozenset[str]:
    """Those that reported, but so that nobody here can know of their tunnels."""
    read = ((found.status.host, *onehost.read(found)) for found in hosts)
    return frozenset(host for host, said, unreadable in read if unreadable or _erred(said))


def told(hosts: Iterable[HostDetail]) -> tuple[Link, ...]:
    """Every tunnel, worst first; those of which nobody who is heard speaks are silent."""
    every = tuple(hosts)
    found = links.links(_heard(every))
    known = {link.name for link in found}
    lost: dict[str, set[str]] = {}
    for each in every:
        # Of a host that left the site nobody asks for a tunnel.
        report = onehost.read(each)[0] if _state(each) in UNHEARD - {State.RETIRED} else None
        for end in () if report is None else report.tunnels:
            if end.tunnel not in known:
                lost.setdefault(end.tunnel, set()).add(each.status.host)
    silent = (Link(name, (), tuple(sorted(of))) for name, of in lost.items())
    return links.ordered((*found, *silent))


def _hosts(fleet: Client) -> tuple[HostDetail, ...]:
    return tuple(fleet.get_host(status.host) for status in fleet.list_hosts().hosts)


def _heard(hosts: Iterable[HostDetail]) -> dict[str, Report | None]:
    return {
        found.status.host: None if _state(found) in UNHEARD else onehost.read(found)[0]
        for found in hosts
    }


def _unreadable(hosts: Iterable[HostDetail]) -> list[str]:
    """What cannot be read says nothing, and must not hide the others."""
    read = ((found.status.host, onehost.read(found)[1]) for found in hosts)
    return [f"? {host}: its report cannot be read here: {why}" for host, why in read if why]


def _ended(hosts: Iterable[HostDetail]) -> list[str]:
    """A run that was ended by an error has looked at no tunnel: there may be some all the same."""
    return [
        f"? {each.status.host}: an error ended its run, so it says nothing of its tunnels"
        for each in hosts
        if _state(each) is not State.RETIRED and _erred(onehost.read(each)[0])
    ]


def _erred(report: Report | None) -> bool:
    return report is not None and any(each.resource == AGENT for each in report.resources)


def _state(found: HostDetail) -> State | None:
    return overview.state_of(found.status)


def _print(found: tuple[Link, ...]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("tunnel", "state", "since", "tried", "gen", "client", "server", "used by"):
        table.add_column(heading, overflow="fold")
    for link in found:
        table.add_row(
            Text(visible(link.name)),
            Text(link.state, style=_STYLES.get(link.state, "red")),
            Text(_age(link.since)),
            Text(f"{_age(link.proven_at)} ago" if link.proven_at else ""),
            Text("+".join(str(each) for each in link.generations)),
            Text(_side(link, "client")),
            Text(_side(link, "server")),
            Text(visible(", ".join(link.consumers))),
        )
    Console(highlight=False).print(table)
    for link in found:
        for end in link.ends:
            if end.status.reason:
                where = f"{link.name}, {end.status.role} end on {end.host}"
                click.echo(visible(f"! {where}: {end.status.reason}"))
        if link.between:
            click.echo(visible(f"~ {link.name}: {_between(link)}"))
        for host in link.unheard:
            click.echo(visible(f"? {link.name}: {host} says nothing of its end now"))


def _side(link: Link, role: str) -> str:
    """Where one end is and what it says: `off2/101 loaded`."""
    told = [end for end in link.ends if end.status.role == role]
    if told:
        place = f"/{told[-1].status.container}" if told[-1].status.container else ""
        return visible(f"{told[-1].host}{place} {told[-1].status.accept} {told[-1].status.state}")
    peers = {end.status.peer for end in link.ends}
    said = f"{', '.join(sorted(peers))} {'silent' if link.unheard else '(unmanaged)'}"
    return visible(said.strip())


def _between(link: Link) -> str:
    """Where a rotation waits, and since when: nothing moves it but the operator's next phase."""
    used, accepted = (" and ".join(map(str, each)) for each in (link.used, link.accepted))
    return (
        f"between two keys for {_age(link.between)}: its client end uses generation {used}, "
        f"its server end accepts {accepted}; `offctl tunnel rotate {link.name}` says what is next"
    )


def _age(since: str) -> str:
    try:
        began = datetime.fromisoformat(since.replace("Z", "+00:00"))
    except ValueError:
        return "?"
    seconds = int((datetime.now(UTC) - began).total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"
