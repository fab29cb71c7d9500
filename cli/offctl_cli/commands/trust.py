"""`offctl trust`: write and read trust roots."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

import click

from offctl import certificates, files
from offctl.tables import INSTANT
from offctl.trust import root as roots
from offctl.trust import rotation
from offctl.trust.keys import PublicKey
from offctl.trust.root import TrustRoot
from offctl_cli import signedfile
from offctl_cli.commands import trust_rotate


@click.group("trust")
def command() -> None:
    """Write, read and replace trust roots: the file that says whose signatures count."""


command.add_command(trust_rotate.rotate)
command.add_command(trust_rotate.verify)


@command.command("new")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE",
    help="Where to write it; a new file.",
)  # fmt: skip
@click.option("--site", required=True, help="The site's name, as site.toml has it.")
@click.option(
    "--release-key", "release_keys", multiple=True, required=True, metavar="NAME=LINE",
    help="Who may sign releases; may be repeated.",
)  # fmt: skip
@click.option("--threshold", type=int, default=1, show_default=True, help="Signatures needed.")
@click.option(
    "--timestamp-key", required=True, metavar="LINE",
    help="With which coordinators say that a release is current.",
)  # fmt: skip
@click.option(
    "--coordinator", "coordinators", multiple=True, metavar="NAME=CERTFILE",
    help="Which coordinators there are; may be repeated.",
)  # fmt: skip
@click.option(
    "--operator", "operators", multiple=True, metavar="NAME=CERTFILE",
    help="Who may speak to them; may be repeated.",
)  # fmt: skip
@click.option("--version", type=int, default=1, show_default=True, help="One more each time.")
@click.option(
    "--expires-days", type=click.IntRange(1, 3660), default=365, show_default=True,
    help="How long it is good for.",
)  # fmt: skip
def new(
    output: Path,
    *,
    site: str,
    release_keys: tuple[str, ...],
    threshold: int,
    timestamp_key: str,
    coordinators: tuple[str, ...],
    operators: tuple[str, ...],
    version: int,
    expires_days: int,
) -> None:
    """Put a trust root together, check it and write it; LINE is what `offctl key public` prints.

    Copy the file to every host and coordinator. An existing FILE is never overwritten.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    root = TrustRoot(
        version=version,
        site=site,
        expires=now + timedelta(days=expires_days),
        release_keys=tuple(
            (name, PublicKey.parse(line))
            for name, line in signedfile.pairs("--release-key", release_keys)
        ),
        threshold=threshold,
        timestamp_key=PublicKey.parse(timestamp_key),
        coordinators=tuple(_certificates("--coordinator", coordinators)),
        operators=tuple(_certificates("--operator", operators)),
    )
    files.create(output, roots.dump(root), mode=files.READABLE)
    echo(root)


@command.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def show(file: Path, *, as_json: bool) -> None:
    """Say whom the trust root in FILE trusts, and with what.

    FILE is a trust.toml, or a signed successor of one, of which no signature is checked.
    """
    content = files.require(file, limit=rotation.MAX_ENVELOPE)
    signed = content.lstrip()[:1] == b"{"
    root = rotation.payload_of(content) if signed else roots.parse(content)
    if as_json:
        click.echo(json.dumps(_values(root), indent=2))
    else:
        echo(root)


def _certificates(option: str, values: Iterable[str]) -> Iterable[tuple[str, str]]:
    for name, file in signedfile.pairs(option, values):
        content = files.require(Path(file), limit=certificates.MAX_CERTIFICATE)
        yield name, certificates.check(content)


def _values(root: TrustRoot) -> dict[str, Any]:
    return {
        "version": root.version,
        "site": root.site,
        "expires": root.expires.strftime(INSTANT),
        "threshold": root.threshold,
        "release_keys": [
            {"name": name, "key": key.text, "keyid": key.keyid} for name, key in root.release_keys
        ],
        "timestamp_key": {"key": root.timestamp_key.text, "keyid": root.timestamp_key.keyid},
        "coordinators": _fingerprints(root.coordinators),
        "operators": _fingerprints(root.operators),
    }


def _fingerprints(entries: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name, "fingerprint": certificates.fingerprint(pem)} for name, pem in entries]


def echo(root: TrustRoot) -> None:
    """Say it in words."""
    click.echo(f"trust root {root.version} of site {root.site}")
    click.echo(f"  expires {root.expires.strftime(INSTANT)}")
    click.echo(f"  a release needs {root.threshold} of these {len(root.release_keys)} keys:")
    for name, key in root.release_keys:
        click.echo(f"    {name}: {key.text}\n      keyid {key.keyid}")
    click.echo(f"  timestamps need this key:\n    {root.timestamp_key.text}")
    click.echo(f"      keyid {root.timestamp_key.keyid}")
    for title, entries in (("coordinators", root.coordinators), ("operators", root.operators)):
        click.echo(f"  {title}:" if entries else f"  {title}: none")
        for entry in _fingerprints(entries):
            click.echo(f"    {entry['name']}: certificate sha256 {entry['fingerprint']}")
