"""The key of a tunnel: what its two hosts can compute, and nobody else; it is never sent.

HKDF-SHA256 (RFC 5869) over the X25519 agreement (RFC 7748) of the two hosts' tunnel keys:

    salt  the two public keys, 32 bytes each, the smaller first
    info  "offctl tunnel key 1", site, tunnel, generation in decimal; a NUL after each
    key   32 bytes, written as 64 lowercase hexadecimal digits

Neither class shows its secret in repr, in an exception or when pickled; `PreSharedKey.reveal` is
the one way out. No I/O here.
"""

from dataclasses import dataclass
import hmac
import re

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from offctl import certificates, errors
from offctl.desired import names
from offctl.trust import base64text

KEY_LENGTH = 32
MAX_GENERATION = 1_000_000

_CONTEXT = b"offctl tunnel key 1"
_LOCAL = b"offctl local mark 1"
# Sixteen bytes is the least stunnel takes; 31 or 33 digits it would take as text, silently.
_DERIVED = re.compile(r"[0-9a-f]{64}")
# A key a person made: what stunnel reads back as it was written, one word of printable ASCII.
_WRITTEN = re.compile(r"[\x21-\x7e]{20,256}")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")


class PreSharedKey:
    """The secret of one tunnel, as stunnel reads it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """`text` is a key as it stands in a file; raises MalformedError, without showing it."""
        if not _WRITTEN.fullmatch(text):
            raise errors.MalformedError(
                "cannot use a pre-shared key: it is not one word of 20 to 256 printable characters"
            )
        if _HEXADECIMAL.fullmatch(text) and (len(text) % 2 or len(text) < 32):
            raise errors.MalformedError(
                "cannot use a pre-shared key: an odd number of hexadecimal digits, or below 32",
                hint="stunnel takes an odd number as text, and less than 16 bytes not at all",
            )
        self._text = text

    def reveal(self) -> str:
        """The key itself: for the file that stunnel reads, and for nothing else."""
        return self._text

    def same(self, other: "PreSharedKey") -> bool:
        """Whether both are one key; takes equally long either way."""
        return hmac.compare_digest(self._text.encode(), other.reveal().encode())

    def __repr__(self) -> str:
        return "PreSharedKey(...)"

    def __reduce__(self) -> str:
        raise TypeError("a pre-shared key is not pickled")


@dataclass(frozen=True, slots=True)
class Purpose:
    """What one key is for; the constructor raises MalformedError for what no bundle can hold."""

    site: str
    tunnel: str
    generation: int

    def __post_init__(self) -> None:
        names.checked(self.site, names.NAME, "site name")
        names.checked(self.tunnel, names.NAME, "tunnel name")
        if isinstance(self.generation, bool) or not 1 <= self.generation <= MAX_GENERATION:
            raise errors.MalformedError(
                f"cannot use generation {self.generation!r}: not between 1 and {MAX_GENERATION}"
            )


class TunnelSecret:
    """The secret half of a host's tunnel key."""

    __slots__ = ("_key", "public")

    def __init__(self, pem: bytes) -> None:
        """Read the PKCS #8 PEM that `offctl-agent init` wrote; raises MalformedError."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, exceptions.UnsupportedAlgorithm):
            raise errors.MalformedError("cannot use the tunnel key: its file is damaged") from None
        if not isinstance(key, x25519.X25519PrivateKey):
            raise errors.MalformedError("cannot use the tunnel key: it is not an x25519 key")
        self._key = key
        self.public = certificates.tunnel_key_of(pem)

    def derive(self, peer: str, purpose: Purpose) -> PreSharedKey:
        """The key shared with the host whose public tunnel key is `peer`; raises MalformedError.

        A peer key with which everybody could agree (the shared secret is zero) is refused.
        """
        theirs = _raw(certificates.check_tunnel_key(peer))
        try:
            shared = self._key.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        except ValueError:
            shared = bytes(KEY_LENGTH)
        if not any(shared):
            raise errors.MalformedError(f"cannot use tunnel key {peer}: its secrets are known")
        pair = b"".join(sorted((_raw(self.public), theirs)))
        words = (purpose.site.encode(), purpose.tunnel.encode(), str(purpose.generation).encode())
        derived = _expand(shared, pair, b"".join(w + b"\0" for w in (_CONTEXT, *words))).hex()
        assert _DERIVED.fullmatch(derived)
        return PreSharedKey(derived)

    def mark(self, content: bytes) -> bytes:
        """A keyed digest of what only this host needs to recognise; gives nothing of it away."""
        own = self._key.private_bytes(
            serialization.Encoding.Raw,
            serialization.PrivateFormat.Raw,
            serialization.NoEncryption(),
        )
        return hmac.digest(_expand(own, b"", _LOCAL), content, "sha256")

    def __repr__(self) -> str:
        return f"TunnelSecret({self.public})"

    def __reduce__(self) -> str:
        raise TypeError("a tunnel key is not pickled")


def _expand(secret: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_LENGTH, salt=salt, info=info).derive(secret)


def _raw(text: str) -> bytes:
    return base64text.decode(text.partition(":")[2], "tunnel key")
