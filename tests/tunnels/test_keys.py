"""The keys of tunnels: equal at both ends, different for everything else, and never shown."""

import base64
import copy
from pathlib import Path
import pickle
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
import pytest
import tomli

from offctl import certificates, errors
from offctl.tunnelkeys import PreSharedKey, Purpose, TunnelSecret

VECTORS: dict[str, Any] = tomli.loads((Path(__file__).parent / "keys.toml").read_text())
KEYS = VECTORS["key"]


def secret(host: str) -> TunnelSecret:
    raw = bytes.fromhex(VECTORS["hosts"][host]["secret"])
    return TunnelSecret(
        x25519.X25519PrivateKey.from_private_bytes(raw).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def public(host: str) -> str:
    return str(VECTORS["hosts"][host]["public"])


@pytest.mark.parametrize("vector", KEYS, ids=lambda v: f"{v['tunnel']}-{v['generation']}")
def test_both_ends_compute_the_key_of_the_vector(vector: dict[str, Any]) -> None:
    purpose = Purpose(vector["site"], vector["tunnel"], vector["generation"])
    for here, there in (vector["hosts"], reversed(vector["hosts"])):
        assert secret(here).public == public(here)
        assert secret(here).derive(public(there), purpose).reveal() == vector["key"]


def test_every_changed_input_changes_the_key() -> None:
    assert len({vector["key"] for vector in KEYS}) == len(KEYS)


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        bytes([1]) + bytes(31),
        (2**255 - 20).to_bytes(32, "little"),
        (2**255 - 19).to_bytes(32, "little"),
        bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
        b"\xff" * 32,
        bytes(31),
        bytes(33),
    ],
)
def test_a_peer_key_that_everybody_agrees_with_is_refused(raw: bytes) -> None:
    peer = "x25519:" + base64.b64encode(raw).decode()
    with pytest.raises(errors.MalformedError):
        secret("off2").derive(peer, Purpose("s", "t", 1))


@pytest.mark.parametrize("peer", ["", "x25519:", "ed25519:" + "A" * 43 + "=", "x25519:****"])
def test_what_is_no_peer_key_is_refused(peer: str) -> None:
    with pytest.raises(errors.MalformedError):
        secret("off2").derive(peer, Purpose("s", "t", 1))


@pytest.mark.parametrize(
    ("site", "tunnel", "generation"),
    [("", "t", 1), ("s", "", 1), ("s\0t", "", 1), ("s", "t\0", 1), ("s", "t", 0), ("s", "t", -1),
     ("s", "t", 10**7), ("s", "t", True), ("s/", "t", 1)],
)  # fmt: skip
def test_a_purpose_that_could_be_another_is_refused(
    site: str, tunnel: str, generation: int
) -> None:
    with pytest.raises(errors.MalformedError):
        Purpose(site, tunnel, generation)


@pytest.mark.parametrize(
    "text",
    ["", "short", "a" * 19, "a" * 31, "ab" * 15, "0" * 63, "0" * 65,
     "with a blank in the middle of it", "x" * 300, "line\nbreak" * 4, "\ufeff" + "k" * 32,
     "é" * 32, " " + "k" * 32],
)  # fmt: skip
def test_a_key_that_stunnel_would_read_otherwise_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(errors.MalformedError) as caught:
        PreSharedKey(text)
    assert not text or text not in f"{caught.value}{caught.value.hint}"


def test_a_key_shows_in_nothing_but_reveal() -> None:
    key = secret("off2").derive(public("ovh1"), Purpose("openfoodfacts", "redis-ovh", 1))
    shown = key.reveal()
    assert shown not in f"{key!r} {key} {[key]} {secret('off2')!r}"
    for each in (key, secret("off2")):
        with pytest.raises(TypeError):
            pickle.dumps(each)
        with pytest.raises(TypeError):
            copy.deepcopy(each)


def test_secret_keys_of_other_kinds_are_refused() -> None:
    _, pem = certificates.generate("off2")
    for content in (b"", b"\0" * 100, pem):
        with pytest.raises(errors.MalformedError):
            TunnelSecret(content)


def test_a_mark_is_the_hosts_own_and_tells_contents_apart() -> None:
    marks = {secret(h).mark(c) for h in ("off2", "ovh1") for c in (b"", b"a", b"b")}
    assert len(marks) == 6
