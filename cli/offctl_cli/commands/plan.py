"""`offctl plan`: what publishing the site would do on every host, before anything is signed."""

from datetime import UTC, datetime
import json
from pathlib import Path

import click

from offctl import errors, progress
from offctl.desired.model import DesiredState
from offctl.planner.plan import Effect
from offctl_cli import connection, console, foreseeing, planjson, plantext
from offctl_cli.affected import Neighbours
from offctl_cli.client import Client
from offctl_cli.failing import Comparing
from offctl_cli.foreseeing import HostPlan
from offctl_cli.site import load
from offctl_cli.site.compiler import Compiled
from offctl_cli.site.model import Site

NOTHING, CHANGES, DISRUPTIVE = 0, 2, 3


@click.command("plan", cls=Comparing)
@click.argument("site", type=click.Path(path_type=Path), default=Path())
@click.option("--host", "hosts", metavar="HOST", multiple=True, help="Only this host; repeatable.")
@click.option(
    "--container",
    "containers",
    metavar="NAME|ID",
    multiple=True,
    help="Only this container and what it shows; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--markdown", "as_markdown", is_flag=True, help="For a merge request.")
@connection.options
@click.pass_context
def command(
    context: click.Context,
    site: Path,
    *,
    hosts: tuple[str, ...],
    containers: tuple[str, ...],
    as_json: bool,
    as_markdown: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Show what publishing the site in directory SITE (default: here) would do, and to whom.

    Compares the text with what every host observed last, by the planner that the hosts use. Signs,
    publishes and changes nothing.

    Exit status: 0 nothing to do, 2 changes (or a host of which nothing is known), 3 changes that
    restart something, 1 an error.

    \b
    offctl plan                       the site here, every host
    offctl plan --host off2           one host
    offctl plan --container off       what happens to one container
    offctl plan --markdown            to be pasted below a merge request
    """  # noqa: D301 - click reads the \b
    if as_json and as_markdown:
        raise click.UsageError("--json and --markdown exclude each other")
    read = load.read_site(site)
    compiled = _compiled(read)
    chosen = _chosen(compiled.states, hosts)
    picked = {pair for each in containers for pair in _picked(each, chosen)}
    resolved = connection.resolve(address, trust, certificate, key)
    with Client(resolved) as client, progress.shown("asking what the hosts observed"):
        listing = client.list_hosts()
        wanted = {state.host for state in chosen}
        known = foreseeing.seen(
            client, compiled.site_name, [each for each in listing.hosts if each.host in wanted]
        )
    plans = foreseeing.foresee(chosen, known)
    if picked:
        plans = foreseeing.only(plans, picked)
    status = _status(plans)
    around = Neighbours(compiled.states, _applications(read))
    now = datetime.now(UTC).replace(microsecond=0)
    if as_json:
        found = planjson.document(compiled.site_name, plans, around, now, status)
        click.echo(json.dumps(found, indent=2))
    elif as_markdown:
        click.echo("\n".join(plantext.markdown(plans, around, now)))
    else:
        click.echo("\n".join((*plantext.lines(plans, around, now), plantext.closing(plans))))
    context.exit(status)


def _compiled(site: Site) -> Compiled:
    """The site, or the first of what is wrong with it."""
    compiled = load.compiled(site, datetime.now(UTC))
    for each in compiled.findings:
        click.echo(console.visible(str(each)), err=True)
    if compiled.has_errors:
        raise errors.AuthorError(
            f"cannot plan site {compiled.site_name}: it has errors, and could not be signed",
            hint="`offctl check` explains each of them",
        )
    return compiled


def _chosen(states: tuple[DesiredState, ...], hosts: tuple[str, ...]) -> tuple[DesiredState, ...]:
    known = [state.host for state in states]
    for host in hosts:
        if host not in known:
            raise errors.AuthorError(
                f"cannot plan host {host!r}: the site has no such host",
                hint=f"it has {', '.join(known)}",
            )
    return tuple(state for state in states if not hosts or state.host in hosts)


def _picked(text: str, states: tuple[DesiredState, ...]) -> list[tuple[str, int]]:
    """Host and id; the same id may be another container in another cluster."""
    found = [
        (state.host, container.id)
        for state in states
        for container in state.containers
        if text in (container.name, str(container.id))
    ]
    if not found:
        raise errors.AuthorError(
            f"cannot plan container {text!r}: no chosen host has it",
            hint="write its name in the site, or its id",
        )
    return found


def _applications(site: Site) -> dict[tuple[str, int], str]:
    return {
        (container.host or "", container.id): container.application
        for container in site.containers.values()
        if container.application is not None
    }


def _status(plans: tuple[HostPlan, ...]) -> int:
    if any(plan.count(Effect.RESTART) for plan in plans):
        return DISRUPTIVE
    unsure = any(plan.foreseen is None or plan.unknown for plan in plans)
    changes = any(plan.count(effect) for plan in plans for effect in Effect)
    return CHANGES if changes or unsure else NOTHING
