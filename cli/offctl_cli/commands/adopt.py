"""`offctl adopt`: from what hosts said of themselves to one site."""

from pathlib import Path

import click

from offctl import errors, files
from offctl.desired import names
from offctl_cli import console
from offctl_cli.adopt import comments, folding, merging, text
from offctl_cli.site import source


@click.group("adopt")
def command() -> None:
    """Take over live hosts: their own texts, folded into one site.

    On each host: `offctl-agent adopt > HOST.toml`. Then here: `offctl adopt merge *.toml`.
    """


@command.command("merge")
@click.argument("texts", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Directory for the site; new.",
)
@click.option("--name", required=True, help="Name of the site.")
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="HOST=CLUSTER",
    help="Proxmox cluster a host is in. May be repeated.",
)
def merge(texts: tuple[Path, ...], into: Path, name: str, clusters: tuple[str, ...]) -> None:
    """Fold the TEXTS that hosts gave of themselves into one site, in directory INTO.

    Applications and profiles are recognised, tunnels with both ends are declared once, and what
    differs from the pattern is shown. The site asks of every host just what its own text asks.
    """
    names.checked(name, names.NAME, "site name")
    if into.exists() and any(into.iterdir()):
        raise errors.AuthorError(f"cannot write the site to {into}: it is not empty")
    merged = merging.merge([_read(path) for path in texts], name, _pairs(clusters))
    for file, content in text.files(merged.folded).items():
        files.make_directory((into / file).parent, mode=0o755)
        files.write(into / file, content.encode(), mode=0o644)
        click.echo(str(into / file))
    click.echo("")
    for note in merged.folded.notes:
        click.echo(console.visible(f"- {note}"))
    for complaint in merged.complaints:
        click.echo(console.visible(f"! {complaint}"))
    click.echo("" if merged.folded.notes or merged.complaints else "nothing differs", nl=True)
    click.echo(f"next: offctl check {into}; every host is in audit mode until its mode says else")
    if merged.complaints:
        raise errors.AuthorError(
            "cannot sign this site yet: what is marked with ! must be mended first",
            hint=f"edit the files in {into}; `offctl check {into}` says where",
        )


def _read(path: Path) -> folding.Text:
    read = source.read(path)
    wrong = [each for each in read.findings if each.code == source.SYNTAX]
    if wrong:
        raise errors.AuthorError(f"cannot read {path}: {wrong[0].text}")
    written = files.require(Path(read.whole.file).resolve(), limit=source.MAX_FILE).decode("utf-8")
    return folding.Text(str(path), read.tables, comments.around(written, str(path)))


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for pair in texts:
        host, equals, cluster = pair.partition("=")
        if not host or not equals or not names.NAME.fullmatch(cluster):
            raise click.UsageError(f"--cluster {pair} is not HOST=CLUSTER")
        pairs[host] = cluster
    return pairs
