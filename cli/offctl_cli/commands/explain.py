"""`offctl explain`: why something is as it is: the text, the rule, the host, and who did what."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
import functools
import json
from pathlib import Path

import click

from offctl import errors
from offctl import report as reports
from offctl.desired import facts
from offctl.desired.model import DesiredState
from offctl.report import Report
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_cli import (
    believing,
    connection,
    foreseeing,
    lately,
    pointing,
    reverting,
    standing,
)
from offctl_cli.client import Client
from offctl_cli.connection import Connection
from offctl_cli.failing import Comparing
from offctl_cli.fleet import HistoryEntry
from offctl_cli.foreseeing import Seen
from offctl_cli.pointing import Pointed
from offctl_cli.provenance import DEFAULT, Provenance
from offctl_cli.site import load
from offctl_cli.standing import Standing

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Explained:
    """One property; what is not known is empty."""

    property: str
    desired: str
    written: tuple[str, ...]
    rule: str
    published: str
    since: str
    configured: str
    running: str
    by: str
    lately: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the coordinator knows of a host; `untold` says why it could not be asked."""

    seen: Seen
    report: Report | None = None
    entries: tuple[HistoryEntry, ...] = ()
    untold: str = ""


@click.command("explain", cls=Comparing)
@click.argument("resource", metavar="HOST[/KIND/NAME][/PROPERTY]")
@click.option("--site", type=click.Path(path_type=Path), default=Path(), help="Default: here.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
def command(
    resource: str,
    *,
    site: Path,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Explain a resource or one property of it: where it is written, by which rule, how it is.

    Desired is what the site here asks for, configured what is written on the host, running what
    is in effect there. Without a coordinator the text and the rules are explained all the same.

    Exit status: 0, or 1 for an error.

    \b
    offctl explain off2/containers/off/mounts/mnt/off/products
    offctl explain off2/containers/off/memory
    offctl explain off2/datasets/off/products/recordsize
    offctl explain ovh1/tunnels/redis-ovh/client
    """  # noqa: D301 - click reads the \b
    read = load.read_site(site)
    compiled = load.compiled(read)
    if compiled.has_errors:
        raise errors.AuthorError(
            f"cannot explain site {compiled.site_name}: it has errors",
            hint="`offctl check` explains each of them",
        )
    pointed = pointing.find(resource, compiled.states)
    origins = Provenance(read, compiled)
    try:
        resolved = connection.resolve(address, trust, certificate, key)
        with Client(resolved) as client:
            known = _ask(client, pointed.state)
            found = tuple(_explained(pointed, origins, known, _states(client, resolved, pointed)))
    except (errors.AdminError, errors.UnreachableError) as error:
        known = _Known(Seen(None), untold=str(error))
        found = tuple(_explained(pointed, origins, known, lambda _: None))
    label = facts.called(pointed.resource, pointed.state)
    if as_json:
        told = {"schema": SCHEMA, "host": pointed.state.host, "resource": label}
        document = {**told, "untold": known.untold, "properties": [asdict(each) for each in found]}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo("\n".join(visible(line) for line in _lines(label, pointed, known, found)))


def _ask(client: Client, state: DesiredState) -> _Known:
    statuses = [each for each in client.list_hosts().hosts if each.host == state.host]
    entries = client.history(lately.FAR)
    if not statuses:
        return _Known(Seen(None, untold=foreseeing.NEVER), entries=entries)
    seen = foreseeing.seen(client, state.site, statuses)[state.host]
    content = client.get_host(state.host).report
    try:
        report = reports.parse(content) if content else None
    except errors.MalformedError:  # its offctl is newer or older than this one
        report = None
    return _Known(seen, report, entries)


def _states(client: Client, resolved: Connection, pointed: Pointed) -> lately.StateOf:
    @functools.cache
    def state_of(serial: int) -> DesiredState | None:
        try:
            release, _ = believing.release(client, serial, resolved.root)
            return reverting.states(release).get(pointed.state.host)
        except (errors.NotFoundError, errors.RefusedError, errors.MalformedError) as error:
            # Not kept, signed by keys that are trusted no more, or written by another offctl.
            raise lately.NotToldError from error

    return state_of


def _explained(
    pointed: Pointed, origins: Provenance, known: _Known, state_of: lately.StateOf
) -> Iterator[Explained]:
    state, resource = pointed.state, pointed.resource
    for name, value in sorted(facts.facts(state)[resource].items()):
        if pointed.property not in ("", name):
            continue
        source = origins.of(state.host, resource, name)
        where, field = standing.fields(resource, name, state)
        here, by = _here(pointed, name, known.seen)
        published, since = lately.published(resource, name, known.entries, state_of)
        report = known.report
        yield Explained(
            property=name,
            desired=value,
            written=tuple(origin.words for origin in source.origins),
            rule=source.rule,
            published=published,
            since=since,
            configured=here.configured,
            running=here.running,
            by=by,
            lately=() if report is None else tuple(lately.happened(where, field, report)),
        )


def _here(pointed: Pointed, name: str, seen: Seen) -> tuple[Standing, str]:
    """How a property stands on the host, and who made it so."""
    if seen.view is None:
        return Standing(), ""
    state, resource = pointed.state, pointed.resource
    where, field = standing.fields(resource, name, state)
    try:
        here = standing.of(resource, name, state, seen.view.observed)
    except foreseeing.NONSENSE as error:
        here = Standing(f"unknown: {foreseeing.senseless(error)}")
    return here, lately.remembered(where, field, seen.view.remembered())


def _lines(
    label: str, pointed: Pointed, known: _Known, found: tuple[Explained, ...]
) -> Iterator[str]:
    at = known.seen.at
    when = f", observed {at.strftime(INSTANT)}" if at is not None else ""
    yield f"{label} on {pointed.state.host}{when}"
    if known.untold or known.seen.untold:
        yield f"  how it is there is not known: {known.untold or known.seen.untold}"
    for each in found:
        yield ""
        yield f"  {each.property} = {each.desired}"
        # Of what nobody wrote, the place is where it could be.
        word = "around " if each.rule == DEFAULT else "written"
        yield from (f"      {word}     {text}" for text in each.written)
        yield f"      rule        {each.rule}"
        if each.since and not each.published:
            yield f"      published   {each.since}"
        elif known.entries and each.published != each.desired:
            yield f"      published   {each.published or 'not asked for'} {each.since}".rstrip()
        elif each.since:
            yield f"      published   {each.since}"
        if each.configured:
            yield f"      configured  {each.configured}"
        if each.running:
            yield f"      running     {each.running}"
        if each.by:
            yield f"      by          {each.by}"
        yield from (f"      lately      {text}" for text in each.lately)
