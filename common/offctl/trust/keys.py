"""Ed25519 keys: what may be loaded as one, and what counts as a signature.

A key that exists is sound. Secret keys never show more than their keyid.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
import hashlib
import re

from cryptography import exceptions
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from offctl import errors
from offctl.trust import base64text, curve

KEY_LENGTH = 32
SIGNATURE_LENGTH = 64
MAX_PEM = 1024

_PREFIX = "ed25519:"
_PEM = re.compile(rb"-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PRIVATE KEY-----\n")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One verifying key; `raw` is the 32 bytes of RFC 8032.

    The constructor and `parse` raise MalformedError for a wrong length, and for whatever is not
    the canonical encoding of a point of large order.
    """

    raw: bytes
    keyid: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_LENGTH:
            raise errors.MalformedError(
                f"cannot use public key: it has {len(self.raw)} bytes, not {KEY_LENGTH}"
            )
        complaint = curve.complaint(self.raw)
        if complaint:
            raise errors.MalformedError(f"cannot use public key {self.text}: {complaint}")
        object.__setattr__(self, "keyid", hashlib.sha256(self.raw).hexdigest())

    @classmethod
    def parse(cls, text: str) -> "PublicKey":
        """Read `ed25519:` and the base64 of the key; nothing around it, not even a space."""
        if not text.startswith(_PREFIX):
            raise errors.MalformedError(
                f"cannot read public key {text[:60]!r}: it must start with {_PREFIX!r}",
                hint="paste the whole line that `offctl key public FILE` prints",
            )
        return cls(base64text.decode(text.removeprefix(_PREFIX), "public key"))

    @property
    def text(self) -> str:
        """The line that `parse` reads."""
        return _PREFIX + base64text.encode(self.raw)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`; never raises."""
        if len(signature) != SIGNATURE_LENGTH:
            return False
        # S + L would be a second signature over the same message (RFC 8032 section 5.1.7), and an
        # honest R is never a point of small order (all zeros is one).
        if int.from_bytes(signature[KEY_LENGTH:], "little") >= curve.ORDER:
            return False
        if curve.complaint(signature[:KEY_LENGTH]):
            return False
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except exceptions.InvalidSignature:
            return False
        return True


class SecretKey:
    """One signing key. Only `to_pem` gives the secret away; repr shows the keyid."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(
            key.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw
            )
        )

    @classmethod
    def generate(cls, random: Callable[[int], bytes] | None = None) -> "SecretKey":
        """A new key: from the system's randomness, or from `random`, asked for so many bytes."""
        if random is None:
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(random(KEY_LENGTH)))

    @classmethod
    def from_pem(cls, content: bytes) -> "SecretKey":
        """Read what `to_pem` wrote (or `openssl genpkey -algorithm ed25519`).

        Raises MalformedError for anything around, after or instead of that one block: the library
        would silently take the first of two keys.
        """
        if len(content) > MAX_PEM or not _PEM.fullmatch(content):
            raise _bad_pem("not exactly one unencrypted PKCS #8 block")
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, exceptions.UnsupportedAlgorithm):
            raise _bad_pem("its content is damaged") from None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise _bad_pem("not an Ed25519 key")
        secret = cls(key)
        if secret.to_pem() != content:
            raise _bad_pem("not in its canonical form")
        return secret

    def to_pem(self) -> bytes:
        """The key as unencrypted PKCS #8; keep it in a file of mode 0600."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature; the same for the same message (RFC 8032)."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SecretKey(keyid={self.public.keyid})"


def _bad_pem(cause: str) -> errors.MalformedError:
    return errors.MalformedError(
        f"cannot read secret key: {cause}", hint="make one with `offctl key new FILE`"
    )
