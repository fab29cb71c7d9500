"""From compiled states to a signed release: numbering, hashing, signing, adding a signature.

Pure: bytes, keys and times come in. Compiling, files and the clock belong to the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
import hashlib

from offctl import certificates, errors
from offctl.desired import bundle as bundles
from offctl.desired import names
from offctl.desired.model import DesiredState
from offctl.trust import envelope as envelopes
from offctl.trust import manifest as manifests
from offctl.trust import release as releases
from offctl.trust.keys import SecretKey
from offctl.trust.manifest import HostEntry, Manifest
from offctl.trust.release import SignedRelease


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a release file says about itself; nobody's signature was checked."""

    release: SignedRelease
    manifest: Manifest
    keyids: tuple[str, ...]


def make_release(
    states: Sequence[DesiredState],
    *,
    serial: int,
    created: datetime,
    expires: datetime,
    keys: Sequence[SecretKey],
) -> SignedRelease:
    """A release of one site, signed by each of `keys`.

    Raises MalformedError for what no host would accept (an empty site, two hosts with one
    certificate, a weak tunnel key, a bundle that is too large).
    """
    names.refuse_twice("signing key", [key.public.keyid for key in keys])
    content = {state.host: _dump(state) for state in states}
    manifest = Manifest(
        site=states[0].site if states else "",
        serial=serial,
        created=created,
        expires=expires,
        hosts=tuple(_entry(state, content[state.host]) for state in states),
    )
    envelope = envelopes.sign(manifests.PAYLOAD_TYPE, manifests.dump(manifest), keys)
    return SignedRelease(envelope, tuple(sorted(content.items())))


def read(content: bytes) -> Unverified:
    """Look into a release file; raises MalformedError, also when its bundles do not fit."""
    release = releases.parse(content)
    envelope = envelopes.parse(release.envelope, releases.MAX_ENVELOPE)
    if envelope.payload_type != manifests.PAYLOAD_TYPE:
        raise errors.MalformedError(f"cannot read the release: it holds {envelope.payload_type}")
    manifest = manifests.parse(envelope.payload)
    found = {host: hashlib.sha256(bundle).hexdigest() for host, bundle in release.bundles}
    if found != {entry.host: entry.sha256 for entry in manifest.hosts}:
        raise errors.MalformedError(
            "cannot read the release: its bundles are not those that its manifest names"
        )
    return Unverified(release, manifest, tuple(s.keyid for s in envelope.signatures))


def choose_serial(asked: int | None, previous: Manifest | None, *, site: str) -> int:
    """The serial of the next release of `site`: what was asked for, or one more than `previous`.

    Raises AuthorError when it would not grow, since no host would accept the release.
    """
    if previous is None:
        return asked or 1
    if previous.site != site:
        raise errors.AuthorError(
            f"cannot sign site {site!r}: the previous release is of site {previous.site!r}",
            hint="give another file with -o",
        )
    if asked is not None and asked <= previous.serial:
        raise errors.AuthorError(
            f"cannot sign with serial {asked}: the previous release has {previous.serial}",
            hint="a serial only grows; to go back, sign the old site with a higher one",
        )
    return asked or previous.serial + 1


def add_signature(release: SignedRelease, key: SecretKey) -> SignedRelease:
    """The release with one more signature; a second one by the same key replaces the first."""
    return SignedRelease(envelopes.append(release.envelope, key), release.bundles)


def check_same(release: SignedRelease, states: Sequence[DesiredState]) -> None:
    """Raise AuthorError unless `states` compile to exactly the bundles of `release`."""
    ours = {state.host: bundles.dump(state) for state in states}
    theirs = dict(release.bundles)
    different = sorted(h for h in ours.keys() | theirs.keys() if ours.get(h) != theirs.get(h))
    if different:
        raise errors.AuthorError(
            f"cannot add a signature: the site here gives something else for {different[0]!r}"
            + (f" and {len(different) - 1} more" if different[1:] else ""),
            hint="bring both copies of the site to the same commit",
        )


def _dump(state: DesiredState) -> bytes:
    content = bundles.dump(state)
    if bundles.parse(content) != state:
        raise errors.InternalError(
            f"cannot sign host {state.host!r}: its bundle does not read back as it was compiled",
            hint="this is a bug in offctl; please report it with the site's text",
        )
    return content


def _entry(state: DesiredState, content: bytes) -> HostEntry:
    return HostEntry(
        host=state.host,
        sha256=hashlib.sha256(content).hexdigest(),
        length=len(content),
        identity=_identity(state),
        wave=state.wave,
        soak=state.soak,
    )


def _identity(state: DesiredState) -> str:
    if state.identity is None:
        return ""
    certificates.check_tunnel_key(state.identity.tunnel_key)
    return certificates.fingerprint(certificates.check(state.identity.certificate))
