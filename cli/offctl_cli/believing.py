"""Releases from a coordinator, judged by the signatures in them: it is not believed itself."""

from datetime import UTC, datetime

from offctl import errors
from offctl.trust import accept
from offctl.trust.accept import Floor
from offctl.trust.manifest import Manifest
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_cli import signing
from offctl_cli.client import Client


def release(client: Client, serial: int, root: TrustRoot) -> tuple[SignedRelease, Manifest]:
    """A release that the trust root's own keys signed; the coordinator is not believed."""
    if not serial:
        raise errors.NotFoundError("cannot get a release: nothing has been published yet")
    got = client.get_release(serial)
    found = accept.manifest(
        got.envelope, root, floor=Floor(), now=datetime.now(UTC), kept=True
    ).manifest
    if found.serial != serial:
        raise errors.RefusedError(
            f"cannot believe the coordinator: asked for release {serial}, it gave {found.serial}",
            code="MISMATCH",
        )
    signing.read(got.dump())
    return got, found
