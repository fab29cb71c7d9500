"""`offctl identity`: make the certificate with which an operator speaks to coordinators."""

from pathlib import Path

import click
import tomli_w

from offctl import certificates, errors, files
from offctl.desired import names


@click.group("identity")
def command() -> None:
    """Make the certificate with which you speak to a coordinator."""


@command.command("new")
@click.argument("where", type=click.Path(path_type=Path))
@click.argument("name")
def new(where: Path, name: str) -> None:
    """Make a certificate and its key for the operator NAME, and print the lines for trust.toml.

    WHERE is a directory, for NAME.crt and NAME.key in it, or the path of both files without their
    endings. Existing files are never overwritten.
    """
    names.checked(name, names.NAME, "operator name")
    prefix = where / name if where.is_dir() else where
    certificate_file = prefix.with_name(prefix.name + ".crt")
    key_file = prefix.with_name(prefix.name + ".key")
    # Both names are free before either file is made, so that no half of a pair is left over.
    for file in (certificate_file, key_file):
        if file.exists():
            raise errors.AdminError(
                f"cannot create {file}: it exists", hint="choose another name for the identity"
            )
    certificate, key = certificates.generate(name)
    files.create(key_file, key)
    files.create(certificate_file, certificate.encode(), mode=files.READABLE)
    lines = {"operators": {name: {"certificate": certificate}}}
    click.echo(tomli_w.dumps(lines, multiline_strings=True), nl=False)
    click.echo(f"{certificate_file}, {key_file}: new identity of operator {name}", err=True)
