"""Signatures around bytes: the DSSE envelope (github.com/secure-systems-lab/dsse, version 1).

The payload type is inside what is signed, so a signature over one kind of document never passes
for another. `verify` hands out the very bytes that it verified; nothing else may be parsed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import json
import re

from offctl.tables import Table
from offctl.trust import base64text, document
from offctl.trust.keys import PublicKey, SecretKey
from offctl.trust.refusal import Refusal, refused

# Verifying takes time for every signature, so a stranger must not choose how many there are.
MAX_SIGNATURES = 16
# What signatures, names and base64's line-less text may add to a payload.
OVERHEAD = 16 * 1024

_OURS = re.compile(r"application/vnd\.offctl\.([a-z]+)\.v1\+toml")
_KEYID = re.compile(r"[0-9a-f]{64}")
_PAYLOAD_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Signature:
    """What claims to be a signature by the key that `keyid` names; any bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A parsed envelope; nothing in it is verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def dump(self) -> bytes:
        """The envelope as JSON, the same bytes for equal envelopes."""
        return json.dumps(self.values(), separators=(",", ":"), sort_keys=True).encode()

    def values(self) -> dict[str, object]:
        """What `dump` writes, to stand inside another document."""
        return {
            "payload": base64text.encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": signature.keyid, "sig": base64text.encode(signature.sig)}
                for signature in self.signatures
            ],
        }


def limit_for(payload: int) -> int:
    """How large an envelope may be whose payload has at most `payload` bytes."""
    return payload * 4 // 3 + OVERHEAD


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what the signatures are over."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Sequence[SecretKey]) -> bytes:
    """A new envelope around `payload`, signed by each of `keys`."""
    message = signed_bytes(payload_type, payload)
    signatures = tuple(Signature(key.public.keyid, key.sign(message)) for key in keys)
    return Envelope(payload_type, payload, signatures).dump()


def append(content: bytes, key: SecretKey) -> bytes:
    """The envelope `content` with the signature of `key` added, or made anew if it was there.

    Raises MalformedError. What is signed is not judged here; the caller shows it to a person.
    """
    old = parse(content, limit=len(content))
    others = tuple(s for s in old.signatures if s.keyid != key.public.keyid)
    new = Signature(key.public.keyid, key.sign(signed_bytes(old.payload_type, old.payload)))
    return Envelope(old.payload_type, old.payload, (*others, new)).dump()


def parse(content: bytes, limit: int) -> Envelope:
    """Read an envelope of at most `limit` bytes; raises MalformedError (or code TOO_LARGE)."""
    return read(document.parse(content, what="the envelope", limit=limit))


def read(table: Table) -> Envelope:
    """As `parse`, for an envelope inside another document."""
    envelope = Envelope(
        payload_type=table.matching("payloadType", _PAYLOAD_TYPE),
        payload=base64text.decode(table.string("payload"), "the payload"),
        signatures=tuple(_read_signature(item) for item in table.tables("signatures")),
    )
    table.finish()
    return envelope


def verify(
    envelope: Envelope, payload_type: str, keys: Iterable[PublicKey], threshold: int
) -> bytes:
    """The payload, if at least `threshold` different `keys` signed it as `payload_type`.

    Raises RefusedError SIG_INVALID. Signatures by other keys, and wrong ones, neither count nor
    block.
    """
    if envelope.payload_type != payload_type:
        raise refused(
            Refusal.SIG_INVALID,
            f"cannot accept {_called(envelope.payload_type)}: {_called(payload_type)} is expected",
        )
    if len(envelope.signatures) > MAX_SIGNATURES:
        raise refused(
            Refusal.SIG_INVALID,
            f"cannot accept {_called(payload_type)}: it has {len(envelope.signatures)} signatures, "
            f"more than the {MAX_SIGNATURES} allowed",
        )
    message = signed_bytes(payload_type, envelope.payload)
    trusted = {key.keyid: key for key in keys}
    # A set of keyids, each the hash of its key: a key counts once, however often it signed or is
    # listed (CVE-2020-6174, CVE-2020-15093).
    valid = {
        signature.keyid
        for signature in envelope.signatures
        if signature.keyid in trusted and trusted[signature.keyid].verify(signature.sig, message)
    }
    # A threshold below one would accept what nobody signed.
    if len(valid) < max(threshold, 1):
        raise refused(
            Refusal.SIG_INVALID,
            f"cannot accept {_called(payload_type)}: {len(valid)} of the {max(threshold, 1)} "
            "signatures needed are valid and by keys we trust",
        )
    return envelope.payload


def _called(payload_type: str) -> str:
    """A payload type as people call it; one of ours is `application/vnd.offctl.NAME.v1+toml`."""
    match = _OURS.fullmatch(payload_type)
    if match is None:
        return f"an envelope of {payload_type[:60]!r}"
    return "the release" if match[1] == "manifest" else f"the {match[1]}"


def _read_signature(table: Table) -> Signature:
    signature = Signature(
        keyid=table.matching("keyid", _KEYID),
        sig=base64text.decode(table.string("sig"), "a signature"),
    )
    table.finish()
    return signature
