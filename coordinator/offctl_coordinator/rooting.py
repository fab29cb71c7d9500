"""Judging a trust root that an operator offers: does it follow, and could we serve under it?

Pure, as the trust core it stands on.
"""

from dataclasses import dataclass

from offctl import errors
from offctl.trust import envelope as envelopes
from offctl.trust import root as roots
from offctl.trust import rotation
from offctl.trust.keys import PublicKey
from offctl.trust.refusal import Refusal, refused
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step

# What one answer to a host may carry of them, beside a release.
MAX_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Judged:
    """The trust root in force from now on; `step` is what hosts must be given, unless known."""

    root: TrustRoot
    step: Step | None


def judge(
    envelope: bytes, trusted: TrustRoot, chain: tuple[Step, ...], timestamp_key: PublicKey
) -> Judged:
    """Believe a successor of `trusted`, or the signed form of it; or raise RefusedError."""
    if any(step.envelope == envelope for step in chain):
        return Judged(trusted, None)
    if _is(envelope, trusted):
        # The file was put here by hand first, as with a new timestamp key.
        return Judged(trusted, Step(trusted.version, envelope))
    found = rotation.successor(envelope, trusted)
    if found.timestamp_key != timestamp_key:
        raise refused(
            Refusal.MISMATCH,
            f"cannot serve under trust root {found.version}: it names another timestamp key than "
            "this coordinator's",
        )
    if not found.operators or not set(found.coordinators) & set(trusted.coordinators):
        raise refused(
            Refusal.MISMATCH,
            f"cannot serve under trust root {found.version}: it names no operator, or none of the "
            "coordinators that hosts speak with now",
        )
    return Judged(found, Step(found.version, envelope))


def successors(chain: tuple[Step, ...], version: int) -> tuple[Step, ...]:
    """What a host that has trust root `version` is given; a host that has none gets none."""
    return rotation.newer_than(chain, version, limit=MAX_BYTES) if version else ()


def _is(envelope: bytes, trusted: TrustRoot) -> bool:
    try:
        parsed = envelopes.parse(envelope, rotation.MAX_ENVELOPE)
        keys = (key for _, key in trusted.release_keys)
        payload = envelopes.verify(parsed, roots.PAYLOAD_TYPE, keys, trusted.threshold)
        return roots.parse(payload) == trusted
    except errors.OffctlError:
        return False
