"""`offctl diff`: what two states of the site ask for differently, resource by resource."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
import json
from pathlib import Path

import click

from offctl import errors
from offctl.text import visible
from offctl.trust.release import SignedRelease
from offctl_cli import believing, comparing, connection, revisions
from offctl_cli.client import Client
from offctl_cli.comparing import ADDED, CHANGED, REMOVED, Change, Property
from offctl_cli.failing import Comparing
from offctl_cli.revisions import Revision

SCHEMA = 1
SAME, DIFFERENT = 0, 2
_MARKS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}


@click.command("diff", cls=Comparing)
@click.argument("before", metavar="A")
@click.argument("after", metavar="[B]", default=".")
@click.option("--host", "hosts", metavar="HOST", multiple=True, help="Only this host; repeatable.")
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Whose revisions in git are meant (default: here).",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@connection.options
@click.pass_context
def command(
    context: click.Context,
    before: str,
    after: str,
    *,
    hosts: tuple[str, ...],
    site: Path,
    as_json: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Show what B (default: the site here) asks for that A does not, and the other way round.

    Each of them is a serial, `published`, a site's directory, a release file, or a revision of
    the site in git. What hosts are asked to be is compared, not its text: a stanza that moved, or
    a profile that says the same, is no difference. Only serials need the coordinator.

    Exit status: 0 they ask for the same, 2 they differ, 1 an error.

    \b
    offctl diff published             what publishing the site here would ask anew
    offctl diff HEAD~1 HEAD           what the last commit changed, really
    offctl diff 41 42 --host off2     what release 42 changed for one host
    """  # noqa: D301 - click reads the \b

    def release(serial: int) -> SignedRelease:
        resolved = connection.resolve(address, trust, certificate, key)
        with Client(resolved) as client:
            wanted = serial or client.list_hosts().serial
            return believing.release(client, wanted, resolved.root)[0]

    old, new = (revisions.find(word, site, release) for word in (before, after))
    _hosts(hosts, old, new)
    found = tuple(each for each in comparing.changes(old, new) if not hosts or each.host in hosts)
    if as_json:
        document = {"schema": SCHEMA, "before": old.name, "after": new.name}
        click.echo(json.dumps({**document, "changes": [asdict(each) for each in found]}, indent=2))
    else:
        click.echo("\n".join(_lines(found)))
    context.exit(DIFFERENT if found else SAME)


def _hosts(hosts: tuple[str, ...], old: Revision, new: Revision) -> None:
    known = sorted(old.states.keys() | new.states.keys())
    for host in hosts:
        if host not in known:
            raise errors.AuthorError(
                f"cannot compare host {host!r}: neither {old.name} nor {new.name} has it",
                hint=f"they have {', '.join(known)}",
            )


def _lines(changes: tuple[Change, ...]) -> Iterator[str]:
    host = ""
    for change in changes:
        if change.host != host:
            host = change.host
            yield visible(host)
        where = f"  ({change.place})" if change.place else ""
        yield visible(f"  {_MARKS[change.what]} {change.label}{where}")
        for item in change.properties:
            yield visible(f"      {_words(change, item)}")
    counts = Counter(change.what for change in changes)
    told = [f"{counts[what]} {what}" for what in (ADDED, CHANGED, REMOVED) if counts[what]]
    on = len({change.host for change in changes})
    hosts = f"{on} host{'s' * (on != 1)}"
    yield f"diff: {', '.join(told)} on {hosts}" if told else "diff: they ask for the same"


def _words(change: Change, item: Property) -> str:
    if change.what == CHANGED:
        return f"{item.name}: {item.before or 'nothing'} → {item.after or 'nothing'}"
    return f"{item.name}: {item.after or item.before}"
