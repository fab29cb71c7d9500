"""From one trust root to its successor, and what a reader must know about it. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from offctl import certificates, errors
from offctl.trust import envelope as envelopes
from offctl.trust import rotation
from offctl.trust.keys import PublicKey
from offctl.trust.root import TrustRoot

_Entry = TypeVar("_Entry")

KINDS = ("release-key", "coordinator", "operator")


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to differ: entries to add or replace by kind and name, entries to take away."""

    entries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    threshold: int | None = None
    timestamp_key: str = ""


def successor(root: TrustRoot, changes: Changes, *, expires: datetime) -> TrustRoot:
    """The next version; raises AuthorError for a removal of what is not there."""
    removed = dict.fromkeys(KINDS, frozenset[str]())
    for text in changes.removed:
        kind, _, name = text.partition("/")
        if kind not in KINDS:
            raise errors.AuthorError(
                f"cannot remove {text!r}: it does not begin with {', '.join(KINDS)} and a slash"
            )
        removed[kind] |= {name}
    keys = {name: PublicKey.parse(line) for name, line in changes.entries.get(KINDS[0], {}).items()}
    return replace(
        root,
        version=root.version + 1,
        expires=expires,
        release_keys=_changed(KINDS[0], root.release_keys, keys, removed),
        coordinators=_changed(
            KINDS[1], root.coordinators, changes.entries.get(KINDS[1], {}), removed
        ),
        operators=_changed(KINDS[2], root.operators, changes.entries.get(KINDS[2], {}), removed),
        threshold=root.threshold if changes.threshold is None else changes.threshold,
        timestamp_key=(
            PublicKey.parse(changes.timestamp_key) if changes.timestamp_key else root.timestamp_key
        ),
    )


def differences(old: TrustRoot, new: TrustRoot) -> Iterator[str]:
    """What a successor changes, one line each, for a person who is to sign it."""
    for kind, before, after in (
        ("release key", _keys(old), _keys(new)),
        ("coordinator", _prints(old.coordinators), _prints(new.coordinators)),
        ("operator", _prints(old.operators), _prints(new.operators)),
        ("timestamp key", {"": old.timestamp_key.text}, {"": new.timestamp_key.text}),
        ("threshold", {"": str(old.threshold)}, {"": str(new.threshold)}),
    ):
        for name in sorted(before.keys() | after.keys()):
            was, will = before.get(name), after.get(name)
            called = f"{kind} {name}".strip()
            if was is None:
                yield f"+ {called}: {will}"
            elif will is None:
                yield f"- {called}: {was}"
            elif was != will:
                yield f"~ {called}: {was} becomes {will}"


def missing(content: bytes, old: TrustRoot, new: TrustRoot) -> Iterator[str]:
    """Which signatures the envelope of `new` still needs, one line for each of the two."""
    parsed = envelopes.parse(content, rotation.MAX_ENVELOPE)
    message = envelopes.signed_bytes(parsed.payload_type, parsed.payload)
    for root, called in ((old, "in force now"), (new, "its own")):
        valid = {
            name
            for name, key in root.release_keys
            for signature in parsed.signatures
            if signature.keyid == key.keyid and key.verify(signature.sig, message)
        }
        left = sorted(name for name, _ in root.release_keys if name not in valid)
        if len(valid) < root.threshold:
            yield (
                f"{root.threshold - len(valid)} more of the keys {called} must sign: "
                + ", ".join(left)
            )


def _changed(
    kind: str,
    entries: Iterable[tuple[str, _Entry]],
    added: Mapping[str, _Entry],
    removed: Mapping[str, frozenset[str]],
) -> tuple[tuple[str, _Entry], ...]:
    kept = dict(entries)
    for name in sorted(removed[kind]):
        if name not in kept:
            raise errors.AuthorError(f"cannot remove {kind}/{name}: there is none of that name")
        del kept[name]
    return tuple({**kept, **added}.items())


def _keys(root: TrustRoot) -> dict[str, str]:
    return {name: key.text for name, key in root.release_keys}


def _prints(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name: f"certificate sha256 {certificates.fingerprint(pem)}" for name, pem in entries}
