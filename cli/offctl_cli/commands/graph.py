"""`offctl graph`: the site as a picture, or as the text of one; with what is true now."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
import sys

import click

from offctl import errors, files, progress
from offctl import report as reports
from offctl.desired.model import DesiredState
from offctl.report import Report
from offctl.tables import INSTANT
from offctl_cli import believing, connection, console, graphviz, reverting
from offctl_cli.client import Client
from offctl_cli.connection import Connection
from offctl_cli.graph import dot, focus, mermaid, overview, truth, whole
from offctl_cli.graph.focus import Focus
from offctl_cli.graph.model import Graph
from offctl_cli.graph.truth import Told
from offctl_cli.site import load
from offctl_cli.site.compiler import Compiled

SVG, DOT, MERMAID = "svg", "dot", "mermaid"
_ENDINGS = {".svg": SVG, ".dot": DOT, ".gv": DOT, ".mmd": MERMAID, ".mermaid": MERMAID}


@click.command("graph")
@click.argument("site", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--format",
    "form",
    type=click.Choice((SVG, DOT, MERMAID)),
    help="What to write; else as FILE ends, else svg.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Where to.")
@click.option("--application", "applications", metavar="NAME", multiple=True, help="What it needs.")
@click.option("--dataset", "datasets", metavar="NAME", multiple=True, help="Who is shown it.")
@click.option("--tunnel", "tunnels", metavar="NAME", multiple=True, help="Its way, end to end.")
@click.option("--host", "hosts", metavar="HOST", multiple=True, help="What is on it.")
@click.option("--status", "with_status", is_flag=True, help="Mark what is true now.")
@connection.options
def command(
    site: Path,
    *,
    form: str | None,
    output: Path | None,
    applications: tuple[str, ...],
    datasets: tuple[str, ...],
    tunnels: tuple[str, ...],
    hosts: tuple[str, ...],
    with_status: bool,
    address: str | None,
    trust: Path | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Draw the site in directory SITE (default: here): where things are and what leads to what.

    Without --application, --dataset, --tunnel and --host, each of which may be repeated, all of it
    is drawn: lines to datasets are then those of each application's own, and who else is shown a
    dataset is written beside it. SVG needs the program `dot` of Graphviz, the two texts do not.

    With --status the newest reports of the hosts are asked for, and every part that is not right
    says so in a word, besides its colour.

    \b
    offctl graph -o site.svg                    all of it
    offctl graph --application off -o off.svg   one application and all it needs
    offctl graph --dataset users --format dot   who is shown one dataset
    offctl graph --status -o now.svg            what is wrong, and where
    """  # noqa: D301 - click reads the \b
    wanted = form or (_ENDINGS.get(output.suffix.lower(), SVG) if output else SVG)
    if wanted == SVG and output is None and sys.stdout.isatty():
        raise click.UsageError("a terminal shows no SVG; write -o FILE, or --format mermaid")
    compiled, graph = _drawn(site)
    if with_status:
        resolved = connection.resolve(address, trust, certificate, key)
        with Client(resolved) as client, progress.shown("asking how the hosts are"):
            graph = _marked(graph, compiled, client, resolved)
    chosen = Focus(applications, datasets, tunnels, hosts)
    graph = focus.focused(graph, chosen)
    graph = replace(graph, notes=(*focus.words(chosen), *graph.notes))
    if not (applications or datasets or tunnels):
        graph = overview.overview(graph)
    _write(graph, wanted, output)


def _drawn(site: Path) -> tuple[Compiled, Graph]:
    read = load.read_site(site)
    compiled = load.compiled(read)
    if compiled.has_errors:
        raise errors.AuthorError(
            f"cannot draw site {compiled.site_name}: it has errors",
            hint="`offctl check` explains each of them",
        )
    return compiled, whole.graph(read, compiled.states)


def _marked(graph: Graph, compiled: Compiled, client: Client, resolved: Connection) -> Graph:
    listing = client.list_hosts()
    if listing.site and listing.site != compiled.site_name:
        raise errors.AuthorError(
            f"cannot draw what is true of site {compiled.site_name}: "
            f"the coordinator is that of site {listing.site}",
            hint="choose another with --coordinator, or draw without --status",
        )
    told = {}
    known: dict[int, dict[str, DesiredState]] = {}
    for status in listing.hosts:
        report = _parsed(client.get_host(status.host).report)
        serial = 0 if report is None else report.serial
        if serial not in known:
            known[serial] = _states(client, serial, resolved)
        told[status.host] = Told(status, report, known[serial].get(status.host))
    now = datetime.now(UTC).strftime(INSTANT)
    release = f"release {listing.serial}" if listing.serial else "nothing published yet"
    notes = (f"as the coordinator told at {now}; {release}",)
    return replace(truth.marked(graph, compiled.states, told), notes=notes)


def _parsed(content: bytes) -> Report | None:
    """One host's word; what cannot be read says nothing, and must not hide the others."""
    try:
        return reports.parse(content) if content else None
    except errors.MalformedError:
        return None


def _states(client: Client, serial: int, resolved: Connection) -> dict[str, DesiredState]:
    """What a release asks for; nothing where it is not there, not believed or not understood."""
    try:
        return reverting.states(believing.release(client, serial, resolved.root)[0])
    except (errors.NotFoundError, errors.RefusedError, errors.MalformedError):
        return {}


def _write(graph: Graph, form: str, output: Path | None) -> None:
    text = mermaid.render(graph) if form == MERMAID else dot.render(graph)
    content = graphviz.svg(text) if form == SVG else text.encode()
    if output is None:
        click.get_binary_stream("stdout").write(content)
        return
    files.write(output, content, mode=0o644)
    drawn = f"{len(graph.nodes)} parts, {len(graph.edges)} lines"
    click.echo(console.visible(f"{output}: {drawn}"), err=True)
