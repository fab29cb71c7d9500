"""`offctl freeze`: write into the site that nothing changes on a host or container for a while."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from offctl import durations, errors
from offctl.desired.model import DesiredState, Freeze
from offctl.tables import INSTANT
from offctl_cli.site import edit, key, load, reader

MAX_REASON = 200


@click.command("freeze")
@click.argument("target", metavar="HOST|CONTAINER")
@click.option("--for", "span", metavar="SPAN", help="How long, such as 30min, 2h or 3d.")
@click.option("--reason", help="Why, for everybody who wonders.")
@click.option("--release", is_flag=True, help="Take the freeze out of the text again.")
@click.option("--site", type=click.Path(path_type=Path), default=Path(), help="Default: here.")
def command(
    target: str, *, span: str | None, reason: str | None, release: bool, site: Path
) -> None:
    """Freeze a host, or a container by name or id: edits the site's text, and nothing else.

    A freeze counts once it is signed and published, and ends by itself. On a host, at once and
    offline, `offctl-agent hold` does the same.
    """
    if release == bool(span or reason) or bool(span) != bool(reason):
        raise click.UsageError("write --for and --reason, or --release alone")
    found = edit.find(load.read_site(site), target)
    freeze = None if release else _freeze(span or "", reason or "")
    header = (*found.table, "freeze")
    before = found.file.read_text(encoding="utf-8")
    lines = [] if freeze is None else _lines(freeze)
    after = edit.with_table(before, header, lines)
    if after == before:
        click.echo(f"{found.name} is not frozen in {found.file}")
        return
    edit.write(site, found, after, lambda state: _meant(state, found, freeze))
    if freeze is None:
        click.echo(f"{found.file}: [{key.shown(header)}] is gone")
    else:
        click.echo(f"{found.file}: {found.name} is frozen until {freeze.until.strftime(INSTANT)}")
    click.echo("next: `offctl sign` and `offctl publish`; until then nothing is different")


def _freeze(span: str, reason: str) -> Freeze:
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise errors.AuthorError(
            f"cannot use this reason: more than {MAX_REASON} characters, or not printable"
        )
    until = datetime.now(UTC).replace(microsecond=0) + durations.parse(span)
    return Freeze(until, reason)


def _lines(freeze: Freeze) -> list[str]:
    quoted = freeze.reason.replace("\\", "\\\\").replace('"', '\\"')
    return [f"until = {reader.example(freeze.until)}", f'reason = "{quoted}"']


def _meant(state: DesiredState, found: edit.Target, freeze: Freeze | None) -> DesiredState:
    if not found.container:
        return replace(state, freeze=freeze)
    containers = tuple(
        replace(each, freeze=freeze) if each.id == found.container else each
        for each in state.containers
    )
    return replace(state, containers=containers)
