"""Keys: round trips, secrecy, and the library's traps."""

import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings, strategies
import pytest

from offctl import errors
from offctl.trust import curve
from offctl.trust.keys import PublicKey, SecretKey
from trust import material

DESK = material.DESK


def test_round_trips() -> None:
    assert PublicKey.parse(DESK.public.text) == DESK.public
    again = SecretKey.from_pem(DESK.to_pem())
    assert again.public == DESK.public
    assert DESK.public.verify(again.sign(b"message"), b"message")
    assert not DESK.public.verify(again.sign(b"message"), b"massage")


@pytest.mark.parametrize(
    ("text", "cause"), [("AAAA AAAA", "not standard base64"), ("AAB=", "not canonical base64")]
)
def test_what_is_wrong_with_the_text_of_a_key_is_said(text: str, cause: str) -> None:
    with pytest.raises(errors.MalformedError, match=cause):
        PublicKey.parse(f"ed25519:{text}")


def test_keyid_is_the_hash_of_the_key() -> None:
    assert DESK.public.keyid == hashlib.sha256(DESK.public.raw).hexdigest()
    with pytest.raises(TypeError):
        PublicKey(DESK.public.raw, keyid="0" * 64)  # type: ignore[call-arg]


def test_a_new_key_takes_its_bytes_from_the_source_given() -> None:
    one = SecretKey.generate(lambda size: b"\5" * size)
    assert one.public == SecretKey.generate(lambda size: b"\5" * size).public
    assert one.public != SecretKey.generate().public


def test_a_secret_key_never_shows_itself() -> None:
    seed = b"\5" * 32
    key = SecretKey.generate(lambda _: seed)
    body = key.to_pem().splitlines()[1].decode()
    for shown in (repr(key), str(key), f"{key}", repr([key])):
        assert key.public.keyid in shown
        assert seed.hex() not in shown
        assert body not in shown


@pytest.mark.parametrize("cut", [0, 10, 40])
def test_errors_never_show_the_secret(cut: int) -> None:
    pem = DESK.to_pem()
    body = pem.splitlines()[1]
    with pytest.raises(errors.MalformedError) as caught:
        SecretKey.from_pem(pem.replace(body, body[:cut] + b"A" + body[cut:]))
    assert body[cut:].decode() not in f"{caught.value!r} {caught.value.hint}"
    assert caught.value.__cause__ is None


def test_a_signature_without_a_nonce_is_none_though_the_library_takes_it() -> None:
    """Whoever has the key can make it: R is the neutral point, S = h a, the same for ever."""
    seed, message = b"\5" * 32, b"message"
    key = SecretKey.generate(lambda _: seed).public
    clamped = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = clamped & ((1 << 254) - 8) | (1 << 254)
    neutral = b"\1" + bytes(31)
    digest = hashlib.sha512(neutral + key.raw + message).digest()
    s = int.from_bytes(digest, "little") * scalar % curve.ORDER
    signature = neutral + s.to_bytes(32, "little")
    ed25519.Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    assert not key.verify(signature, message)


def test_other_kinds_of_keys_are_refused() -> None:
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),
    ):
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        with pytest.raises(errors.MalformedError):
            SecretKey.from_pem(pem)


def test_why_weak_keys_are_refused_here() -> None:
    """The library takes this key, and one constant signature for any message under it."""
    weak = b"\1" + bytes(31)
    forged = weak + bytes(32)
    for number in range(8):
        library = ed25519.Ed25519PublicKey.from_public_bytes(weak)
        library.verify(forged, b"message %d" % number)
    with pytest.raises(errors.MalformedError, match="small order"):
        PublicKey(weak)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(strategies.binary(min_size=0, max_size=80), strategies.binary(max_size=20))
def test_no_bytes_that_were_not_signed_verify(signature: bytes, message: bytes) -> None:
    assert DESK.public.verify(signature, message) is False
