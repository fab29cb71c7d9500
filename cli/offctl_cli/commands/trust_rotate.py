"""`offctl trust rotate` and `offctl trust verify`: from one trust root to the next."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from offctl import certificates, errors, files
from offctl.tables import INSTANT
from offctl.trust import accept, rotation
from offctl.trust import keys as trust_keys
from offctl.trust import release as releases
from offctl.trust import root as roots
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl_cli import rotating, signedfile
from offctl_cli.rotating import Changes

_PATH = click.Path(path_type=Path)


@click.command("rotate")
@click.argument("trust", type=_PATH)
@click.option(
    "-o", "--output", required=True, type=_PATH, metavar="FILE",
    help="Where to write it; a new file.",
)  # fmt: skip
@click.option(
    "--key", "key_files", multiple=True, required=True, type=_PATH, metavar="FILE",
    help="A secret key; several sign together.",
)  # fmt: skip
@click.option(
    "--release-key", "release_keys", multiple=True, metavar="NAME=LINE",
    help="Who may sign releases, too; may be repeated.",
)  # fmt: skip
@click.option(
    "--coordinator", "coordinators", multiple=True, metavar="NAME=CERTFILE",
    help="One more, or a new certificate; may be repeated.",
)  # fmt: skip
@click.option(
    "--operator", "operators", multiple=True, metavar="NAME=CERTFILE",
    help="One more, or a new certificate; may be repeated.",
)  # fmt: skip
@click.option(
    "--remove", "removed", multiple=True, metavar="KIND/NAME",
    help="What is not trusted any more; may be repeated.",
)  # fmt: skip
@click.option("--threshold", type=int, help="Signatures needed from then on.")
@click.option("--timestamp-key", default="", metavar="LINE", help="Another one.")
@click.option(
    "--expires-days", type=click.IntRange(1, 3660), default=365, show_default=True,
    help="How long it is good for.",
)  # fmt: skip
def rotate(
    trust: Path,
    *,
    output: Path,
    key_files: tuple[Path, ...],
    release_keys: tuple[str, ...],
    coordinators: tuple[str, ...],
    operators: tuple[str, ...],
    removed: tuple[str, ...],
    threshold: int | None,
    timestamp_key: str,
    expires_days: int,
) -> None:
    """Make and sign the successor of the trust root in TRUST.

    Everything stays as it is but what is given; KIND is release-key, coordinator or operator.
    As many keys must sign as TRUST asks for, and as many as the successor does: here, or later
    with `offctl sign --append FILE`. An existing FILE is never overwritten.
    """
    old = _read(trust)
    entries = {
        "release-key": dict(signedfile.pairs("--release-key", release_keys)),
        "coordinator": dict(_certificates("--coordinator", coordinators)),
        "operator": dict(_certificates("--operator", operators)),
    }
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=expires_days)
    changes = Changes(entries, removed, threshold, timestamp_key)
    new = rotating.successor(old, changes, expires=expires)
    keys = [SecretKey.from_pem(files.require(f, limit=trust_keys.MAX_PEM)) for f in key_files]
    content = rotation.sign(new, keys)
    files.create(output, content, mode=files.READABLE)
    click.echo(f"{output}: trust root {new.version} of site {new.site}")
    for line in _told(content, old, new):
        click.echo(f"  {line}")


@click.command("verify")
@click.argument("trust", type=_PATH)
@click.argument("signed", nargs=-1, required=True, type=_PATH)
@click.option("-o", "--output", type=_PATH, metavar="FILE", help="Write the last trust root.")
def verify(trust: Path, signed: tuple[Path, ...], *, output: Path | None) -> None:
    """Say whether a host with the trust root TRUST would believe each file SIGNED, in order.

    A file is a successor of the trust root, by which those after it are judged, or a release.
    With -o the last trust root is written, for a new host or a coordinator. Exit 2 when one is
    not believed.
    """
    root = _read(trust)
    now = datetime.now(UTC)
    for file in signed:
        content = signedfile.read(file)
        if signedfile.is_release(content):
            _verify_release(file, content, root, now)
            continue
        try:
            found = rotation.successor(content, root)
        except errors.RefusedError as error:
            raise _explained(error, content, root) from error
        click.echo(f"{file}: trust root {found.version} follows {root.version}")
        for line in rotating.differences(root, found):
            click.echo(f"  {line}")
        root = found
    if now >= root.expires:
        raise errors.RefusedError(
            f"cannot use trust root {root.version}: it expired {root.expires.strftime(INSTANT)}",
            code="TRUST_EXPIRED",
        )
    if output is not None:
        files.write(output, roots.dump(root))
        click.echo(f"{output}: trust root {root.version}")


def _verify_release(file: Path, content: bytes, root: TrustRoot, now: datetime) -> None:
    release = releases.parse(content)
    accepted = accept.manifest(release.envelope, root, floor=accept.Floor(), now=now)
    for host, bundle in release.bundles:
        accept.bundle(accepted, host=host, content=bundle)
    manifest = accepted.manifest
    click.echo(f"{file}: release {manifest.serial} of site {manifest.site} is believed")
    click.echo(f"  expires {manifest.expires.strftime(INSTANT)}, sha256 {accepted.sha256}")


def _told(content: bytes, old: TrustRoot, new: TrustRoot) -> Iterator[str]:
    yield f"expires {new.expires.strftime(INSTANT)}"
    yield from rotating.differences(old, new)
    left = list(rotating.missing(content, old, new))
    yield from left
    yield "next: " + ("`offctl sign --append` by those" if left else "`offctl publish` this file")


def _explained(error: errors.RefusedError, content: bytes, root: TrustRoot) -> errors.RefusedError:
    """The same refusal, saying whose signatures are missing where that is all there is to it."""
    try:
        new = rotation.payload_of(content)
        left = list(rotating.missing(content, root, new)) if error.code == "SIG_INVALID" else []
    except errors.MalformedError:
        left = []
    if not left:
        return error
    return errors.RefusedError(f"{error}: {'; '.join(left)}", hint=error.hint, code=error.code)


def _read(file: Path) -> TrustRoot:
    return roots.parse(files.require(file, limit=roots.MAX_TRUST_ROOT))


def _certificates(option: str, values: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, file in signedfile.pairs(option, values):
        content = files.require(Path(file), limit=certificates.MAX_CERTIFICATE)
        yield name, certificates.check(content)
