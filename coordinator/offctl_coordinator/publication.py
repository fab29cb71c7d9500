"""Judging what is offered for publication: a whole release, or nothing.

Pure, as the trust core it stands on. The store is not trusted either: a release that is read back
from it passes through here again.
"""

import bisect
from dataclasses import dataclass
from datetime import datetime
import operator

from offctl import certificates, errors
from offctl.trust import accept
from offctl.trust.accept import AcceptedManifest, Floor
from offctl.trust.refusal import Refusal, refused
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot


@dataclass(frozen=True, slots=True)
class PublishedHost:
    """One host of a release: its bundle's bytes, its pinned certificate (PEM, may be empty)."""

    name: str
    bundle: bytes
    certificate: str
    mode: str


_NAME = operator.attrgetter("name")


@dataclass(frozen=True, slots=True)
class Publication:
    """A release that was believed as a whole. `hosts` are sorted by name."""

    envelope: bytes
    accepted: AcceptedManifest
    hosts: tuple[PublishedHost, ...]

    @property
    def serial(self) -> int:
        return self.accepted.manifest.serial

    @property
    def sha256(self) -> str:
        """Of the manifest, in hexadecimal."""
        return self.accepted.sha256

    def host(self, name: str) -> PublishedHost | None:
        """The host's part; None when the release does not name it."""
        # Of ten thousand hosts each is looked for whenever all are listed.
        at = bisect.bisect_left(self.hosts, name, key=_NAME)
        found = self.hosts[at] if at < len(self.hosts) else None
        return found if found is not None and found.name == name else None


def judge(
    release: SignedRelease, root: TrustRoot, *, floor: Floor, now: datetime, kept: bool = False
) -> Publication:
    """Believe `release` whole, or raise RefusedError. `kept`: it was accepted before."""
    accepted = accept.manifest(release.envelope, root, floor=floor, now=now, kept=kept)
    names = {name for name, _ in release.bundles}
    missing = [entry.host for entry in accepted.manifest.hosts if entry.host not in names]
    if missing:
        raise refused(
            Refusal.MISMATCH,
            f"cannot accept release {accepted.manifest.serial}: the bundle of {missing[0]} "
            f"is missing ({len(missing)} of {len(accepted.manifest.hosts)} are)",
        )
    hosts = tuple(_host(accepted, name, content) for name, content in sorted(release.bundles))
    return Publication(release.envelope, accepted, hosts)


def _host(accepted: AcceptedManifest, name: str, content: bytes) -> PublishedHost:
    state = accept.bundle(accepted, host=name, content=content)
    try:
        certificate = certificates.check(state.identity.certificate) if state.identity else ""
    except errors.MalformedError as error:
        raise errors.RefusedError(
            f"cannot accept the bundle of {name}: {error}", hint=error.hint, code=error.code
        ) from error
    return PublishedHost(name, content, certificate, state.mode.value)
