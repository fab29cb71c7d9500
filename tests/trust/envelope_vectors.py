"""Vectors about envelopes: who signed, how often, and what."""

from collections.abc import Iterator

from offctl.trust import base64text, curve, envelope, manifest, root
from trust.material import (
    CLOCK,
    DESK,
    PAYLOAD,
    ROOT,
    ROOT_OF_TWO,
    SPARE,
    STRANGER,
    Vector,
    edited,
    of_manifest,
    signed,
    with_signature,
)


def signatures() -> Iterator[Vector]:
    good = signed(PAYLOAD, DESK, SPARE)
    yield of_manifest("a00-good", "ok", "one good signature", signed(PAYLOAD))
    yield of_manifest("a00-good-two", "ok", "two of three", good, trusted=ROOT_OF_TWO)
    yield of_manifest(
        "a01-unknown-key", "SIG_INVALID", "only an unknown key signed", signed(PAYLOAD, STRANGER)
    )
    yield of_manifest(
        "a01-stolen-keyid",
        "SIG_INVALID",
        "an unknown key signed under a trusted keyid",
        with_signature(STRANGER.sign(b"x"), DESK.public.keyid),
    )
    yield of_manifest(
        "a01-timestamp-key",
        "SIG_INVALID",
        "the coordinator's timestamp key signed a release",
        signed(PAYLOAD, CLOCK),
    )
    for name, code, value in (
        ("empty", "SIG_INVALID", []),
        ("null", "MALFORMED", None),
        ("object", "MALFORMED", {}),
        ("text", "MALFORMED", "none"),
        ("numbers", "MALFORMED", [1]),
    ):
        about = f"the list of signatures is {value!r}"
        content = edited(good, lambda v, value=value: v.update(signatures=value))  # type: ignore[misc]
        yield of_manifest(f"a02-signatures-{name}", code, about, content)
    content = edited(good, lambda v: v.pop("signatures"))
    yield of_manifest("a02-stripped", "SIG_INVALID", "the list of signatures is gone", content)
    yield of_manifest("a02-bare", "MALFORMED", "the manifest without an envelope", PAYLOAD)
    yield of_manifest("a02-nothing", "MALFORMED", "no bytes at all", b"")
    content = edited(good, lambda v: [s.pop("keyid") for s in v["signatures"]])  # type: ignore[attr-defined]
    yield of_manifest("a02-no-keyid", "MALFORMED", "signatures without keyids", content)
    yield from thresholds(good)
    yield from forged(DESK.sign(envelope.signed_bytes(manifest.PAYLOAD_TYPE, PAYLOAD)))


def thresholds(good: bytes) -> Iterator[Vector]:
    yield of_manifest(
        "a04-below-threshold",
        "SIG_INVALID",
        "one signature where two are needed",
        signed(PAYLOAD),
        trusted=ROOT_OF_TWO,
    )
    twice = edited(signed(PAYLOAD), lambda v: v.update(signatures=v["signatures"] * 2))  # type: ignore[operator]
    yield of_manifest(
        "a04-listed-twice", "SIG_INVALID", "one signature twice", twice, trusted=ROOT_OF_TWO
    )
    renamed = edited(twice, lambda v: v["signatures"][1].update(keyid="0" * 64))  # type: ignore[index]
    yield of_manifest(
        "a04-two-keyids", "SIG_INVALID", "one key, two keyids", renamed, trusted=ROOT_OF_TWO
    )
    crossed = edited(twice, lambda v: v["signatures"][1].update(keyid=SPARE.public.keyid))  # type: ignore[index]
    yield of_manifest(
        "a05-foreign-keyid", "SIG_INVALID", "desk as spare", crossed, trusted=ROOT_OF_TWO
    )
    damaged = edited(good, lambda v: v["signatures"][1].update(sig="AAAA"))  # type: ignore[index]
    yield of_manifest(
        "a06-valid-and-invalid", "SIG_INVALID", "one of two", damaged, trusted=ROOT_OF_TWO
    )
    three = signed(PAYLOAD, DESK, STRANGER, SPARE)
    yield of_manifest(
        "a06-unknown-between", "ok", "a stranger's does not block", three, trusted=ROOT_OF_TWO
    )
    many = edited(good, lambda v: v.update(signatures=v["signatures"] * 9))  # type: ignore[operator]
    most = edited(good, lambda v: v.update(signatures=v["signatures"] * 8))  # type: ignore[operator]
    yield of_manifest("a06-most", "ok", "16 signatures are looked at", most)
    more = edited(most, lambda v: v["signatures"].append(v["signatures"][0]))  # type: ignore[attr-defined,index]
    yield of_manifest("a06-one-more", "SIG_INVALID", "17 are not", more)
    yield of_manifest("a06-many", "SIG_INVALID", "18 signatures: our time is wasted", many)


def forged(good: bytes) -> Iterator[Vector]:
    scalar = int.from_bytes(good[32:], "little") + curve.ORDER
    cases = {
        "plus-order": good[:32] + scalar.to_bytes(32, "little"),
        "short": good[:63],
        "long": good + b"\0",
        "zero": bytes(64),
        "nothing": b"",
        "r-identity": b"\1" + bytes(31) + good[32:],
        "flipped": bytes([good[0] ^ 1]) + good[1:],
        "flipped-s": good[:40] + bytes([good[40] ^ 1]) + good[41:],
    }
    for name, sig in cases.items():
        about = f"a signature that is {name.replace('-', ' ')}"
        yield of_manifest(f"a07-signature-{name}", "SIG_INVALID", about, with_signature(sig))
    text = base64text.encode(good)
    loose = text[:-3] + chr(ord(text[-3]) + 1) + "=="
    for name, sig_text in (("padding", loose), ("urlsafe", "-_" + text[2:]), ("space", text + " ")):
        content = edited(signed(PAYLOAD), lambda v, t=sig_text: v["signatures"][0].update(sig=t))  # type: ignore[misc]
        yield of_manifest(f"a07-base64-{name}", "MALFORMED", f"base64: {name}", content)


def kinds() -> Iterator[Vector]:
    text = ROOT.encode()
    yield of_manifest(
        "a09-trust-root",
        "SIG_INVALID",
        "a signed trust root in place of a manifest",
        signed(text, kind=root.PAYLOAD_TYPE),
    )
    moved = edited(
        signed(PAYLOAD, kind=root.PAYLOAD_TYPE),
        lambda v: v.update(payloadType=manifest.PAYLOAD_TYPE),
    )
    yield of_manifest("a09-moved", "SIG_INVALID", "a signature made for another type", moved)
    raw = with_signature(DESK.sign(PAYLOAD))
    yield of_manifest("a09-bare-bytes", "SIG_INVALID", "a signature over the bytes alone", raw)
    content = signed(PAYLOAD)
    twin = content[:-1] + b',"payload":"' + base64text.encode(b"x").encode() + b'"}'
    yield of_manifest("a10-payload-twice", "MALFORMED", "two payloads, one is verified", twin)
    added = edited(content, lambda v: v.update(payload2="x"))
    yield of_manifest("a10-unknown-field", "MALFORMED", "an unknown field", added)
    added = edited(content, lambda v: v["signatures"][0].update(note="x"))  # type: ignore[index]
    yield of_manifest("a10-unknown-in-signature", "MALFORMED", "in a signature", added)
    other = edited(content, lambda v: v.update(payload=base64text.encode(PAYLOAD + b"\n")))
    yield of_manifest("a10-other-payload", "SIG_INVALID", "one byte more than was signed", other)
    yield of_manifest("a10-trailing", "MALFORMED", "a second object", content + b"{}")
    yield of_manifest("a10-list", "MALFORMED", "not an object", b"[" + content + b"]")
    yield of_manifest("a10-nan", "MALFORMED", "NaN", b'{"payload": NaN}')
    yield of_manifest("a10-deep", "MALFORMED", "deep JSON", b'{"payload":' + b"[" * 100_000)
    yield of_manifest("a10-digits", "MALFORMED", "a long number", b'{"a":' + b"1" * 5000 + b"}")
    yield of_manifest("a10-not-utf8", "MALFORMED", "not UTF-8", b'{"payload":"\xff"}')
    huge = b"{" + b" " * envelope.limit_for(manifest.MAX_MANIFEST) + b"}"
    yield of_manifest("a25-too-large", "TOO_LARGE", "more than an envelope can be", huge)
