"""Envelopes: counting keys, adding signatures, and mutations that must not pass."""

import base64
import json

from hypothesis import given, settings, strategies
import pytest

from offctl import errors
from offctl.trust import accept, envelope, manifest
from offctl.trust.envelope import Envelope, Signature
from offctl.trust.keys import SecretKey
from trust import material
from trust.material import DESK, NOW, PAYLOAD, SPARE, VAULT

KIND = manifest.PAYLOAD_TYPE
ROOT = material.trust_root()
CONTENT = envelope.sign(KIND, PAYLOAD, [DESK])
KEYS = (DESK.public, SPARE.public, VAULT.public)


def code(content: bytes) -> str:
    try:
        accepted = accept.manifest(content, ROOT, floor=accept.Floor(), now=NOW)
    except errors.RefusedError as error:
        return error.code
    assert accepted.manifest == material.MANIFEST
    return "ok"


def test_the_example_of_the_dsse_specification() -> None:
    signed = envelope.signed_bytes("http://example.com/HelloWorld", b"hello world")
    assert signed == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_a_threshold_counts_different_keys() -> None:
    two = envelope.append(CONTENT, SPARE)
    opened = envelope.parse(two, 100_000)
    assert envelope.verify(opened, KIND, KEYS, 2) == PAYLOAD
    with pytest.raises(errors.RefusedError, match="2 of the 3 signatures"):
        envelope.verify(opened, KIND, KEYS, 3)
    with pytest.raises(errors.RefusedError, match="1 of the 2 signatures"):
        envelope.verify(opened, KIND, (DESK.public, DESK.public), 2)


@pytest.mark.parametrize("threshold", [0, -1])
def test_no_threshold_accepts_what_nobody_signed(threshold: int) -> None:
    unsigned = Envelope(KIND, PAYLOAD, ())
    with pytest.raises(errors.RefusedError):
        envelope.verify(unsigned, KIND, KEYS, threshold)
    with pytest.raises(errors.RefusedError):
        envelope.verify(unsigned, KIND, (), threshold)


def test_signing_again_replaces_the_old_signature() -> None:
    damaged = Envelope(KIND, PAYLOAD, (Signature(DESK.public.keyid, b"old"),)).dump()
    again = envelope.append(envelope.append(damaged, SPARE), DESK)
    opened = envelope.parse(again, 100_000)
    assert [s.keyid for s in opened.signatures] == [SPARE.public.keyid, DESK.public.keyid]
    assert envelope.verify(opened, KIND, KEYS, 2) == PAYLOAD


def test_what_is_dumped_reads_back() -> None:
    opened = envelope.parse(CONTENT, 100_000)
    assert opened.dump() == CONTENT
    assert opened.payload == PAYLOAD


def test_mutations_are_counted_against_a_good_one() -> None:
    assert code(CONTENT) == "ok"


@settings(max_examples=300, derandomize=True, deadline=None)
@given(strategies.data())
def test_no_mutation_of_the_bytes_passes(data: strategies.DataObject) -> None:
    position = data.draw(strategies.integers(0, len(CONTENT) - 1))
    cut = data.draw(strategies.integers(0, 3))
    new = data.draw(strategies.binary(max_size=3))
    mutated = CONTENT[:position] + new + CONTENT[position + cut :]
    try:
        same = json.loads(mutated) == json.loads(CONTENT)
    except ValueError:
        same = False
    verdict = code(mutated)
    # JSON may be spelled differently around the same values; nothing else is the same envelope.
    assert verdict == ("ok" if same else verdict)
    if not same:
        assert verdict in ("MALFORMED", "SIG_INVALID")


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    strategies.lists(
        strategies.tuples(
            strategies.sampled_from([DESK, SPARE, VAULT, material.STRANGER]),
            strategies.sampled_from(["good", "other message", "cut", "foreign keyid"]),
        ),
        max_size=8,
    ),
    strategies.integers(1, 3),
)
def test_exactly_the_right_number_of_good_signatures_passes(
    signers: list[tuple[SecretKey, str]], threshold: int
) -> None:
    message = envelope.signed_bytes(KIND, PAYLOAD)
    made = []
    for key, how in signers:
        sig = key.sign(message + b"x" if how == "other message" else message)
        keyid = "0" * 64 if how == "foreign keyid" else key.public.keyid
        made.append(Signature(keyid, sig[:-1] if how == "cut" else sig))
    good = {k.public.keyid for k, how in signers if how == "good" and k.public in KEYS}
    opened = Envelope(KIND, PAYLOAD, tuple(made))
    if len(good) >= threshold:
        assert envelope.verify(opened, KIND, KEYS, threshold) is PAYLOAD
    else:
        with pytest.raises(errors.RefusedError):
            envelope.verify(opened, KIND, KEYS, threshold)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(strategies.binary(max_size=200))
def test_well_signed_rubbish_is_malformed(payload: bytes) -> None:
    assert code(envelope.sign(KIND, payload, [DESK])) == "MALFORMED"


JSON = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.text(max_size=9),
    lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=120, derandomize=True, deadline=None)
@given(strategies.sampled_from(["payload", "payloadType", "signatures"]), JSON)
def test_no_json_value_in_any_place_passes(field: str, value: object) -> None:
    values = json.loads(CONTENT)
    values[field] = value
    assert code(json.dumps(values).encode()) in ("MALFORMED", "SIG_INVALID")


def test_the_payload_is_base64_that_others_read_too() -> None:
    assert base64.b64decode(json.loads(CONTENT)["payload"]) == PAYLOAD
