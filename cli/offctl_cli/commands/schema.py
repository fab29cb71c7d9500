"""`offctl schema`: the JSON Schema of the site language, for editors."""

import json
from pathlib import Path

import click

from offctl import files
from offctl_cli.site import schema

MAX_MANUAL = 1024 * 1024


@click.command(name="schema")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Print FILE instead, its tables of keys renewed.",
)
def command(markdown: Path | None) -> None:
    """Print the JSON Schema (draft 2020-12) of a site's files.

    Name it in the first line of a file, `#:schema site.schema.json`, and an editor with taplo
    (Even Better TOML) completes and checks while you type.
    """
    if markdown is None:
        click.echo(json.dumps(schema.document(), indent=2, ensure_ascii=True))
        return
    text = files.require(markdown, limit=MAX_MANUAL).decode("utf-8", "replace")
    click.echo(schema.renewed(text), nl=False)
