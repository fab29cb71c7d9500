"""`offctl key`: make and show the keys that sign releases."""

import json
from pathlib import Path

import click

from offctl import files
from offctl.trust import keys
from offctl.trust.keys import SecretKey

_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group("key")
def command() -> None:
    """Make and show the keys that sign releases."""


@command.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@_JSON
def new(file: Path, *, as_json: bool) -> None:
    """Make an Ed25519 key in FILE (only you can read it) and print its public line.

    The line goes into trust.toml: under [release_keys] for a person, as timestamp_key for a
    coordinator. An existing FILE is never overwritten.
    """
    key = SecretKey.generate()
    files.create(file, key.to_pem())
    _print(key, as_json=as_json)
    click.echo(f"{file}: new secret key with keyid {key.public.keyid}", err=True)


@command.command("public")
@click.argument("file", type=click.Path(path_type=Path))
@_JSON
def public(file: Path, *, as_json: bool) -> None:
    """Print the public line of the secret key in FILE."""
    key = SecretKey.from_pem(files.require(file, limit=keys.MAX_PEM))
    _print(key, as_json=as_json)
    click.echo(f"{file}: secret key with keyid {key.public.keyid}", err=True)


def _print(key: SecretKey, *, as_json: bool) -> None:
    document = {"key": key.public.text, "keyid": key.public.keyid}
    click.echo(json.dumps(document, indent=2) if as_json else key.public.text)
