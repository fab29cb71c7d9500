"""`offctl sign`: compile a site and sign it, or add a signature to a release."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from offctl import errors, files
from offctl.desired.model import DesiredState
from offctl.tables import INSTANT, MAX_INTEGER
from offctl.trust import envelope, rotation
from offctl.trust import keys as trust_keys
from offctl.trust import release as releases
from offctl.trust.keys import SecretKey
from offctl.trust.release import SignedRelease
from offctl_cli import console, signedfile, signing
from offctl_cli.commands import trust
from offctl_cli.site.finding import Severity

DEFAULT_SITE = Path()


@click.command("sign")
@click.argument("site", required=False, type=click.Path(path_type=Path))
@click.option(
    "--key", "key_files", multiple=True, required=True, type=click.Path(path_type=Path),
    metavar="FILE", help="A secret key; several sign together.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="RELEASE", help="Where to write it."
)
@click.option("--serial", type=click.IntRange(1, MAX_INTEGER), help="Choose the serial yourself.")
@click.option(
    "--previous", type=click.Path(path_type=Path), metavar="RELEASE",
    help="Take the serial after this release's.",
)  # fmt: skip
@click.option(
    "--expires-days", type=click.IntRange(1, 3660), default=90, show_default=True,
    help="How long it is good for.",
)  # fmt: skip
@click.option(
    "--append", type=click.Path(path_type=Path), metavar="RELEASE",
    help="Add your signature to this release instead of making one.",
)  # fmt: skip
def command(
    site: Path | None,
    *,
    key_files: tuple[Path, ...],
    output: Path | None,
    serial: int | None,
    previous: Path | None,
    expires_days: int,
    append: Path | None,
) -> None:
    """Compile SITE (the current directory unless given) and sign it as a release.

    The serial is one more than that of the release already in the output file (or of --previous),
    and 1 when there is none. A site with errors is not signed.

    With --append a second person adds a signature to a release: show them the same SITE and the
    release must be exactly what it compiles to; without SITE they sign what they are shown.
    A successor of the trust root (`offctl trust rotate`) gets its further signatures so too.
    """
    keys = [SecretKey.from_pem(files.require(f, limit=trust_keys.MAX_PEM)) for f in key_files]
    if append is not None:
        if serial is not None or previous is not None:
            raise errors.AuthorError("cannot add a signature: the serial is in the release already")
        _append(append, site, output, keys)
        return
    if output is None:
        raise errors.AuthorError("cannot sign: no file to write", hint="name one with -o RELEASE")
    name, states = _compile(site or DEFAULT_SITE)
    last = read(previous) if previous else read(output) if output.exists() else None
    created = datetime.now(UTC).replace(microsecond=0)
    release = signing.make_release(
        states,
        serial=signing.choose_serial(serial, last.manifest if last else None, site=name),
        created=created,
        expires=created + timedelta(days=expires_days),
        keys=keys,
    )
    write(output, release)


def _append(file: Path, site: Path | None, output: Path | None, keys: Sequence[SecretKey]) -> None:
    if site is None and output is None and not signedfile.is_release(signedfile.read(file)):
        _append_to_root(file, keys)
    else:
        write(output or file, _appended(file, site, keys))


def _append_to_root(file: Path, keys: Sequence[SecretKey]) -> None:
    content = signedfile.read(file)
    root = rotation.payload_of(content)
    for key in keys:
        content = envelope.append(content, key)
    files.write(file, content)
    trust.echo(root)
    for signature in envelope.parse(content, rotation.MAX_ENVELOPE).signatures:
        click.echo(f"  signed by keyid {signature.keyid}")


def _appended(file: Path, site: Path | None, keys: Sequence[SecretKey]) -> SignedRelease:
    release = read(file).release
    if site is not None:
        signing.check_same(release, _compile(site)[1])
    for key in keys:
        release = signing.add_signature(release, key)
    return release


def _compile(site: Path) -> tuple[str, tuple[DesiredState, ...]]:
    # The compiler is not needed to add a signature.
    from offctl_cli.site import load

    compiled = load.compile_site(site)
    for finding in compiled.findings:
        click.echo(console.visible(str(finding)), err=True)
    count = sum(finding.severity is Severity.ERROR for finding in compiled.findings)
    if count:
        raise errors.AuthorError(
            f"cannot sign {site}: it has {count} {'error' if count == 1 else 'errors'}",
            hint="`offctl check` shows the same findings without signing",
        )
    return compiled.site_name, compiled.states


def read(file: Path) -> signing.Unverified:
    """What a release file says about itself."""
    return signing.read(files.require(file, limit=releases.MAX_RELEASE))


def write(file: Path, release: SignedRelease) -> None:
    """Write a release, having read it back, and say what it is."""
    content = release.dump()
    written = signing.read(content)
    files.write(file, content)
    manifest = written.manifest
    click.echo(f"{file}: release {manifest.serial} of site {manifest.site}")
    click.echo(f"  created {manifest.created.strftime(INSTANT)}")
    click.echo(f"  expires {manifest.expires.strftime(INSTANT)}")
    click.echo(f"  hosts   {', '.join(entry.host for entry in manifest.hosts)}")
    for keyid in written.keyids:
        click.echo(f"  signed by keyid {keyid}")
