"""Deciding what to believe: bytes, the trust root and the clock in; a value or RefusedError out.

The rules, in the order in which they are applied:

* A trust root that has expired accepts nothing new.
* Size before signature, signature before parsing. What is parsed is what was verified: the same
  `bytes` object, never read a second time from anywhere.
* A manifest needs `threshold` release keys, a timestamp the timestamp key; either only as itself.
* Site and host are inside what is signed and must be ours.
* Made in the future by more than CLOCK_SKEW: a clock is wrong, so no expiry could be judged.
* The serial never falls, and one serial never has two contents.
* Expired is not accepted. A release that was accepted before (`kept`) stays known when it or the
  trust root expires, flagged, so that its host goes on observing and changes nothing.
* A bundle has the length and the hash that the accepted manifest gives, and says itself for which
  site, host and identity it is.

This module does no I/O, reads no clock, keeps no state and logs nothing.
"""

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
import hashlib

from offctl import certificates, errors
from offctl.desired import bundle as bundles
from offctl.desired.model import DesiredState
from offctl.tables import INSTANT
from offctl.trust import envelope as envelopes
from offctl.trust import manifest as manifests
from offctl.trust import timestamp as timestamps
from offctl.trust.keys import PublicKey
from offctl.trust.manifest import Manifest
from offctl.trust.refusal import Refusal, refused
from offctl.trust.root import TrustRoot
from offctl.trust.timestamp import Timestamp

CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Floor:
    """The newest release ever accepted: its serial, and its manifest's hash where that is known."""

    serial: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class AcceptedManifest:
    """A manifest to believe. `sha256` is that of its bytes; `expired` only ever of a kept one."""

    manifest: Manifest
    sha256: str
    expired: bool


def manifest(
    content: bytes, root: TrustRoot, *, floor: Floor, now: datetime, kept: bool = False
) -> AcceptedManifest:
    """Judge the envelope of a manifest. `kept`: it was accepted before and is only read again."""
    # A kept release under an expired root is treated as an expired release.
    if not kept:
        _check_root(root, now)
    payload = _verified(
        content,
        payload_type=manifests.PAYLOAD_TYPE,
        limit=manifests.MAX_MANIFEST,
        keys=tuple(key for _, key in root.release_keys),
        threshold=root.threshold,
    )
    with _refusing():
        found = manifests.parse(payload)
    _check_site("release", found.site, root)
    _check_clock("release", found.created, now)
    sha256 = hashlib.sha256(payload).hexdigest()
    _check_floor(found.serial, sha256, floor)
    expired = now >= min(found.expires, root.expires)
    if expired and not kept:
        raise _expired(f"release {found.serial}", found.expires, now)
    return AcceptedManifest(found, sha256, expired)


def bundle(accepted: AcceptedManifest, *, host: str, content: bytes) -> DesiredState:
    """Judge the bundle that came with an accepted manifest, for the host named `host`."""
    entry = accepted.manifest.entry(host)
    if entry is None:
        raise refused(
            Refusal.WRONG_HOST,
            f"cannot accept release {accepted.manifest.serial}: it does not name host {host!r}",
        )
    if len(content) > bundles.MAX_BUNDLE:
        raise refused(
            Refusal.TOO_LARGE,
            f"cannot accept bundle: {len(content)} bytes are more than {bundles.MAX_BUNDLE}",
        )
    _check_equal(Refusal.MISMATCH, "length", len(content), entry.length)
    _check_equal(Refusal.MISMATCH, "sha256", hashlib.sha256(content).hexdigest(), entry.sha256)
    with _refusing():
        state = bundles.parse(content)
        identity = certificates.fingerprint(state.identity.certificate) if state.identity else ""
    # The hash binds these to the manifest already; a slip while signing must not pass either.
    _check_equal(Refusal.WRONG_HOST, "host", state.host, host)
    _check_equal(Refusal.WRONG_SITE, "site", state.site, accepted.manifest.site)
    _check_equal(Refusal.MISMATCH, "identity", identity, entry.identity)
    return state


def timestamp(content: bytes, root: TrustRoot, *, now: datetime) -> Timestamp:
    """Judge the envelope of a timestamp; one that has expired is refused."""
    _check_root(root, now)
    found = stamped(content, root)
    _check_clock("timestamp", found.created, now)
    if now >= found.expires:
        raise _expired("timestamp", found.expires, now)
    return found


def stamped(content: bytes, root: TrustRoot) -> Timestamp:
    """What the timestamp key signed, for a look at the clocks; whether it holds now is open."""
    payload = _verified(
        content,
        payload_type=timestamps.PAYLOAD_TYPE,
        limit=timestamps.MAX_TIMESTAMP,
        keys=(root.timestamp_key,),
        threshold=1,
    )
    with _refusing():
        found = timestamps.parse(payload)
    _check_site("timestamp", found.site, root)
    return found


def freshness(accepted: AcceptedManifest, timestamp: Timestamp | None, now: datetime) -> str:
    """One word for how sure it is that `accepted` is the newest release.

    "expired": it may not be acted on any more; "unknown": no timestamp was ever seen; "stale": the
    last one is over, or is about another release; "fresh": signed news says it is current.
    """
    if accepted.expired or now >= accepted.manifest.expires:
        return "expired"
    if timestamp is None:
        return "unknown"
    same = (timestamp.serial, timestamp.sha256) == (accepted.manifest.serial, accepted.sha256)
    return "fresh" if same and now < timestamp.expires else "stale"


def _verified(
    content: bytes,
    *,
    payload_type: str,
    limit: int,
    keys: tuple[PublicKey, ...],
    threshold: int,
) -> bytes:
    with _refusing():
        envelope = envelopes.parse(content, envelopes.limit_for(limit))
    return envelopes.verify(envelope, payload_type, keys, threshold)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except errors.MalformedError as error:
        raise errors.RefusedError(str(error), hint=error.hint, code=error.code) from error


def _check_root(root: TrustRoot, now: datetime) -> None:
    if now >= root.expires:
        raise refused(
            Refusal.TRUST_EXPIRED,
            f"cannot accept anything: the trust root expired {_shown(root.expires)}, "
            f"now is {_shown(now)}",
        )


def _check_site(what: str, site: str, root: TrustRoot) -> None:
    # A staging site may share its operators' keys with production.
    if site != root.site:
        raise refused(
            Refusal.WRONG_SITE, f"cannot accept {what}: it is for site {site!r}, not {root.site!r}"
        )


def _check_clock(what: str, created: datetime, now: datetime) -> None:
    if created - now > CLOCK_SKEW:
        raise refused(
            Refusal.CLOCK,
            f"cannot accept {what}: it was made {_shown(created)}, but the clock here says "
            f"{_shown(now)}",
        )


def _check_floor(serial: int, sha256: str, floor: Floor) -> None:
    if serial < floor.serial:
        raise refused(
            Refusal.ROLLBACK,
            f"cannot accept release {serial}: release {floor.serial} was accepted before",
        )
    # Where only the serial survived (the hash is empty), the first content to come is taken.
    if serial == floor.serial and floor.sha256 not in ("", sha256):
        raise refused(
            Refusal.EQUIVOCATION,
            f"cannot accept release {serial}: its manifest has sha256 {sha256}, "
            f"but {floor.sha256} was accepted under that serial before",
        )


def _check_equal(code: Refusal, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise refused(
            code, f"cannot accept bundle: its {what} is {found!r}, the release says {expected!r}"
        )


def _expired(what: str, expires: datetime, now: datetime) -> errors.RefusedError:
    return refused(
        Refusal.EXPIRED,
        f"cannot accept {what}: it expired {_shown(expires)}, now is {_shown(now)}",
    )


def _shown(time: datetime) -> str:
    return time.strftime(INSTANT)
