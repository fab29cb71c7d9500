"""From one trust root to the next: which successor is believed (TUF specification, section 5.3).

* A successor has exactly the next version: one that was skipped might have removed the very key
  that signed this one.
* A threshold of the predecessor's release keys signed it, and a threshold of its own.
* It is for the same site. An older version is a way back, another content under the version in
  force is a fork.
* Whether one in the middle of a chain has expired does not matter; the last one is judged by
  whoever uses it.

Pure, as the whole room.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import json

from offctl import errors
from offctl.tables import Table
from offctl.trust import document, envelope
from offctl.trust import root as roots
from offctl.trust.keys import SecretKey
from offctl.trust.refusal import Refusal, refused
from offctl.trust.root import TrustRoot

# More than a lifetime of rotations; whoever offers more wants to waste our time.
MAX_ROTATIONS = 256
MAX_ENVELOPE = envelope.limit_for(roots.MAX_TRUST_ROOT)
MAX_CHAIN = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Step:
    """One signed trust root as it travels.

    `version` is what whoever carries it says: it decides what is worth a look, and nothing else.
    """

    version: int
    envelope: bytes


@dataclass(frozen=True, slots=True)
class Followed:
    """The trust root at the end of a chain; `steps` are those that led there."""

    root: TrustRoot
    steps: tuple[Step, ...]


def sign(root: TrustRoot, keys: Sequence[SecretKey]) -> bytes:
    """The envelope of a new trust root."""
    return envelope.sign(roots.PAYLOAD_TYPE, roots.dump(root), keys)


def successor(content: bytes, trusted: TrustRoot) -> TrustRoot:
    """The trust root in the envelope `content`, if it follows `trusted`; raises RefusedError."""
    parsed = _envelope(content)
    # Signed by those whom we trust already, before anything of it is read.
    payload = envelope.verify(
        parsed, roots.PAYLOAD_TYPE, (key for _, key in trusted.release_keys), trusted.threshold
    )
    try:
        found = roots.parse(payload)
    except errors.MalformedError as error:
        raise _refusal(error) from error
    _check_place(found, trusted)
    envelope.verify(
        parsed, roots.PAYLOAD_TYPE, (key for _, key in found.release_keys), found.threshold
    )
    return found


def follow(chain: Iterable[Step], trusted: TrustRoot) -> Followed:
    """Go from `trusted` as far as `chain` leads; what is older than `trusted` is passed over.

    Raises RefusedError when one of the rest does not follow; then none of them counts.
    """
    found = trusted
    steps: list[Step] = []
    for step in chain:
        if step.version < trusted.version:
            continue
        if step.version == trusted.version:
            _check_same(step.envelope, trusted)
            continue
        if len(steps) >= MAX_ROTATIONS:
            raise refused(
                Refusal.TOO_LARGE,
                f"cannot accept the trust roots: more than {MAX_ROTATIONS} at once",
            )
        found = successor(step.envelope, found)
        steps.append(step)
    return Followed(found, tuple(steps))


def newer_than(chain: Iterable[Step], version: int, *, limit: int) -> tuple[Step, ...]:
    """The beginning of what comes after `version`, of at most `limit` bytes together."""
    chosen: list[Step] = []
    size = 0
    for step in chain:
        size += len(step.envelope) if step.version > version else 0
        if size > limit:
            break
        if step.version > version:
            chosen.append(step)
    return tuple(chosen)


def parse_chain(content: bytes) -> tuple[Step, ...]:
    """Read what `dump_chain` wrote; raises MalformedError. Nothing in it is believed yet."""
    table = document.parse(content, what="the trust roots", limit=MAX_CHAIN)
    chain = tuple(_read_step(item) for item in table.tables("roots"))
    table.finish()
    return chain


def dump_chain(chain: Iterable[Step]) -> bytes:
    """Signed trust roots, oldest first, as one file."""
    values = [
        {"version": step.version, "envelope": envelope.parse(step.envelope, MAX_ENVELOPE).values()}
        for step in chain
    ]
    return json.dumps({"roots": values}, separators=(",", ":"), sort_keys=True).encode()


def payload_of(content: bytes) -> TrustRoot:
    """The trust root in an envelope, to be looked at: no signature is checked."""
    parsed = envelope.parse(content, MAX_ENVELOPE)
    if parsed.payload_type != roots.PAYLOAD_TYPE:
        raise errors.MalformedError(f"cannot read a trust root: it is {parsed.payload_type}")
    return roots.parse(parsed.payload)


def _envelope(content: bytes) -> envelope.Envelope:
    try:
        return envelope.parse(content, MAX_ENVELOPE)
    except errors.MalformedError as error:
        raise _refusal(error) from error


def _check_same(content: bytes, trusted: TrustRoot) -> None:
    """Refuse another trust root of the version in force, if those we trust signed it."""
    keys = (key for _, key in trusted.release_keys)
    try:
        payload = envelope.verify(_envelope(content), roots.PAYLOAD_TYPE, keys, trusted.threshold)
    except errors.RefusedError:
        # Its predecessor's keys may have signed it, or nobody: it changes nothing either way.
        return
    if payload != roots.dump(trusted):
        raise refused(
            Refusal.EQUIVOCATION,
            f"cannot accept trust root {trusted.version}: another one of that version is in force",
        )


def _read_step(table: Table) -> Step:
    step = Step(table.integer("version", least=1), envelope.read(table.table("envelope")).dump())
    table.finish()
    return step


def _check_place(found: TrustRoot, trusted: TrustRoot) -> None:
    if found.site != trusted.site:
        raise refused(
            Refusal.WRONG_SITE,
            f"cannot accept a trust root: it is for site {found.site!r}, not {trusted.site!r}",
        )
    if found.version <= trusted.version:
        raise refused(
            Refusal.ROLLBACK,
            f"cannot accept trust root {found.version}: {trusted.version} is in force",
        )
    if found.version > trusted.version + 1:
        raise refused(
            Refusal.SKIPPED,
            f"cannot accept trust root {found.version} after {trusted.version}: "
            f"{trusted.version + 1} must come first",
        )


def _refusal(error: errors.MalformedError) -> errors.RefusedError:
    return errors.RefusedError(str(error), hint=error.hint, code=error.code)
