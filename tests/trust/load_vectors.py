"""Vectors about what is loaded from files: keys and releases."""

from collections.abc import Iterator

from offctl.desired import bundle as bundles
from offctl.trust import base64text, manifest, release
from offctl.trust.keys import PublicKey
from trust.material import BUNDLE, DESK, OTHER_BUNDLE, PAYLOAD, Vector, certificate, edited, signed


def public_keys() -> Iterator[Vector]:
    y8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    y8_too = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
    prime = 2**255 - 19
    weak = {
        "zeros": bytes(32),
        "identity": b"\1" + bytes(31),
        "identity-signed": b"\1" + bytes(30) + b"\x80",
        "order-2": (prime - 1).to_bytes(32, "little"),
        "order-2-signed": (prime - 1 + 2**255).to_bytes(32, "little"),
        "order-4-signed": bytes(31) + b"\x80",
        "order-8": y8,
        "order-8-signed": y8[:31] + b"\x85",
        "order-8-too": y8_too,
        "order-8-too-signed": y8_too[:31] + b"\xfa",
        "p": prime.to_bytes(32, "little"),
        "p-plus-1": (prime + 1).to_bytes(32, "little"),
        "p-plus-1-signed": (prime + 1 + 2**255).to_bytes(32, "little"),
        "all-ones": b"\xff" * 32,
        "no-point": b"\2" + bytes(31),
        "short": DESK.public.raw[:31],
        "long": DESK.public.raw + b"\0",
        "nothing": b"",
    }
    for name, raw in weak.items():
        text = "ed25519:" + base64text.encode(raw)
        about = f"a public key: {name.replace('-', ' ')}"
        yield Vector(f"a07-key-{name}", about, "public-key", "MALFORMED", text.encode())
    good = DESK.public.text
    spelled = {
        "good": good,
        "no-prefix": good[8:],
        "other-kind": "x" + good[1:],
        "upper": good.replace("ed25519", "ED25519"),
        "space": good + " ",
        "newline": good + "\n",
        "unused-bits": good[:-2] + chr(ord(good[-2]) + 1) + "=",
        "urlsafe": good[:10] + "_" + good[11:],
        "no-padding": good[:-1],
        "not-ascii": good[:10] + "é" + good[11:],
    }
    for name, text in spelled.items():
        expect = "ok" if name == "good" else "MALFORMED"
        about = f"the text of a public key: {name.replace('-', ' ')}"
        yield Vector(f"a07-text-{name}", about, "public-key", expect, text.encode())
    assert PublicKey.parse(good) == DESK.public


def secret_keys() -> Iterator[Vector]:
    pem = DESK.to_pem()
    body = pem.splitlines()[1]
    cases = {
        "good": pem,
        "twice": pem * 2,
        "two-kinds": pem + certificate("main").encode(),
        "before": b"# mine\n" + pem,
        "trailing": pem + b"x",
        "blank-line": pem + b"\n",
        "no-newline": pem[:-1],
        "returns": pem.replace(b"\n", b"\r\n"),
        "public": pem.replace(b"PRIVATE", b"PUBLIC"),
        "encrypted": pem.replace(b"PRIVATE", b"ENCRYPTED PRIVATE"),
        "cut": pem.replace(body, body[:-8]),
        "not-base64": pem.replace(body, b"=" + body[1:]),
        "other-oid": pem.replace(b"BQYDK2Vw", b"BQYDK2Vx"),
        "agreement": pem.replace(b"BQYDK2Vw", b"BQYDK2Vu"),
        "wrapped": pem.replace(body, body[:32] + b"\n" + body[32:]),
        "large": pem.replace(body, body * 50),
        "certificate": certificate("main").encode(),
        "empty": b"",
    }
    for name, content in cases.items():
        expect = "ok" if name == "good" else "MALFORMED"
        about = f"a secret key file: {name.replace('-', ' ')}"
        yield Vector(f"a08-secret-{name}", about, "secret-key", expect, content)


def releases() -> Iterator[Vector]:
    good = release.SignedRelease(signed(PAYLOAD), (("off1", BUNDLE), ("off2", OTHER_BUNDLE))).dump()

    def of_release(name: str, content: bytes, expect: str = "MALFORMED") -> Vector:
        about = f"a release file: {name[4:].replace('-', ' ')}"
        return Vector(name, about, "release", expect, content)

    def bundles_are(value: object) -> bytes:
        return edited(good, lambda v: v.update(bundles=value))

    large = {"off1": "#" * (bundles.MAX_BUNDLE + 1)}
    fat = edited(
        good,
        lambda v: v["envelope"].update(  # type: ignore[attr-defined]
            payload=base64text.encode(bytes(manifest.MAX_MANIFEST + 1))
        ),
    )
    yield of_release("d15-good", good, "ok")
    yield of_release("d15-no-envelope", edited(good, lambda v: v.pop("envelope")))
    yield of_release("d15-extra", edited(good, lambda v: v.update(more=1)))
    yield of_release("d15-bundle-number", bundles_are({"off1": 1}))
    yield of_release("d15-bundles-list", bundles_are([]))
    yield of_release("d15-host-path", bundles_are({"../off1": "x"}))
    yield of_release("d15-host-empty", bundles_are({"": "x"}))
    yield of_release("d15-surrogate", bundles_are({"off1": "\ud800"}))
    yield of_release("d15-bundle-large", bundles_are(large), "TOO_LARGE")
    yield of_release("d15-manifest-large", fat, "TOO_LARGE")
    twin = good.replace(b'"off2":', b'"off1":')
    yield of_release("d06-release-twin", twin)
    yield of_release("d08-release-cut", good[:-100])
    yield of_release("d08-release-empty", b"")
