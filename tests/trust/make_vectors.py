"""Writes vectors/*.toml: what the trust core must refuse, and why, one file per case.

Run `python tests/trust/make_vectors.py` after changing a case here; a test compares the files with
what this program makes. Keys come from fixed seeds. The name starts with the rule of the catalogue
of attacks that the case is about.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
import hashlib
import json
from pathlib import Path
import zlib

import tomli_w

from offctl.desired import bundle as bundles
from offctl.desired.model import DesiredState, Identity, Mode
from offctl.trust import base64text, curve, envelope, manifest, release, root, timestamp
from offctl.trust.keys import PublicKey, SecretKey
from offctl.trust.manifest import HostEntry, Manifest
from offctl.trust.root import TrustRoot
from offctl.trust.timestamp import Timestamp

HERE = Path(__file__).parent
VECTORS = HERE / "vectors"

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TUNNEL_KEY = "x25519:CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Vector:
    """One case: `content` is judged as `kind`; `expect` is a code, or "ok"."""

    name: str
    about: str
    kind: str
    expect: str
    content: bytes
    root: str = ""
    envelope: bytes = b""
    host: str = "off1"
    serial: int = 0
    sha256: str = ""
    now: datetime = NOW
    kept: bool = False

    def dump(self) -> bytes:
        """The file of this case. Contents are deflated: some are large and all the same."""
        values = {
            "expect": self.expect,
            "about": self.about,
            "kind": self.kind,
            "now": self.now,
            "kept": self.kept,
            "host": self.host,
            "floor": {"serial": self.serial, "sha256": self.sha256},
            "root": self.root,
            "envelope": _packed(self.envelope),
            "content": _packed(self.content),
        }
        return tomli_w.dumps(values).encode()


def _packed(content: bytes) -> str:
    return base64text.encode(zlib.compress(content, 9)) if content else ""


def secret(name: str) -> SecretKey:
    return SecretKey.generate(lambda size: hashlib.sha256(name.encode()).digest()[:size])


def certificate(name: str) -> str:
    return (HERE / "certificates" / f"{name}.pem").read_text()


ALICE, BOB, CAROL, MALLORY, CLOCK = map(secret, ("alice", "bob", "carol", "mallory", "clock"))


def trust_root(threshold: int = 1, **changes: object) -> TrustRoot:
    made = TrustRoot(
        version=1,
        site="off",
        expires=NOW + 300 * DAY,
        release_keys=(("alice", ALICE.public), ("bob", BOB.public), ("carol", CAROL.public)),
        threshold=threshold,
        timestamp_key=CLOCK.public,
        coordinators=(("main", certificate("main")),),
        operators=(("alice", certificate("alice")),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


ROOT = root.dump(trust_root()).decode()
ROOT_OF_TWO = root.dump(trust_root(2)).decode()

STATE = DesiredState("off", "off1", Mode.ENFORCE, Identity(certificate("off1"), TUNNEL_KEY))
OTHER = DesiredState("off", "off2", Mode.ENFORCE)
BUNDLE = bundles.dump(STATE)
OTHER_BUNDLE = bundles.dump(OTHER)


def entry(host: str, content: bytes, **changes: object) -> HostEntry:
    made = HostEntry(host, hashlib.sha256(content).hexdigest(), len(content))
    return replace(made, **changes)  # type: ignore[arg-type]


def off1(content: bytes = BUNDLE, **changes: object) -> HostEntry:
    from offctl import certificates

    identity = certificates.fingerprint(certificate("off1"))
    return entry("off1", content, **{"identity": identity, **changes})


MANIFEST = Manifest("off", 7, NOW - DAY, NOW + 89 * DAY, (off1(), entry("off2", OTHER_BUNDLE)))
PAYLOAD = manifest.dump(MANIFEST)
PAYLOAD_SHA256 = hashlib.sha256(PAYLOAD).hexdigest()


def signed(payload: bytes, *keys: SecretKey, kind: str = manifest.PAYLOAD_TYPE) -> bytes:
    return envelope.sign(kind, payload, keys or (ALICE,))


def edited(content: bytes, edit: Callable[[Json], object]) -> bytes:
    values = json.loads(content)
    edit(values)
    return json.dumps(values).encode()


def changed(**changes: object) -> bytes:
    return signed(manifest.dump(replace(MANIFEST, **changes)))  # type: ignore[arg-type]


def of_manifest(
    name: str, expect: str, about: str, content: bytes, *, trusted: str = ROOT, **more: object
) -> Vector:
    made = Vector(name, about, "manifest", expect, content, trusted)
    return replace(made, **more)  # type: ignore[arg-type]


def with_signature(sig: bytes, keyid: str = "") -> bytes:
    entry = {"keyid": keyid or ALICE.public.keyid, "sig": base64text.encode(sig)}
    return edited(signed(PAYLOAD), lambda v: v.update(signatures=[entry]))


def signatures() -> Iterator[Vector]:
    good = signed(PAYLOAD, ALICE, BOB)
    yield of_manifest("a00-good", "ok", "one good signature", signed(PAYLOAD))
    yield of_manifest("a00-good-two", "ok", "two of three", good, trusted=ROOT_OF_TWO)
    yield of_manifest(
        "a01-unknown-key", "SIG_INVALID", "only an unknown key signed", signed(PAYLOAD, MALLORY)
    )
    yield of_manifest(
        "a01-stolen-keyid",
        "SIG_INVALID",
        "an unknown key signed under a trusted keyid",
        with_signature(MALLORY.sign(b"x"), ALICE.public.keyid),
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
    yield from forged(ALICE.sign(envelope.signed_bytes(manifest.PAYLOAD_TYPE, PAYLOAD)))


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
    crossed = edited(twice, lambda v: v["signatures"][1].update(keyid=BOB.public.keyid))  # type: ignore[index]
    yield of_manifest(
        "a05-foreign-keyid", "SIG_INVALID", "alice as bob", crossed, trusted=ROOT_OF_TWO
    )
    damaged = edited(good, lambda v: v["signatures"][1].update(sig="AAAA"))  # type: ignore[index]
    yield of_manifest(
        "a06-valid-and-invalid", "SIG_INVALID", "one of two", damaged, trusted=ROOT_OF_TWO
    )
    three = signed(PAYLOAD, ALICE, MALLORY, BOB)
    yield of_manifest(
        "a06-unknown-between", "ok", "a stranger's does not block", three, trusted=ROOT_OF_TWO
    )
    many = edited(good, lambda v: v.update(signatures=v["signatures"] * 9))  # type: ignore[operator]
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
        content = edited(signed(PAYLOAD), lambda v, t=sig_text: v["signatures"][0].update(sig=t))  # type: ignore[index, misc]
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
    raw = with_signature(ALICE.sign(PAYLOAD))
    yield of_manifest("a09-bare-bytes", "SIG_INVALID", "a signature over the bytes alone", raw)
    content = signed(PAYLOAD)
    twin = content[:-1] + b',"payload":"' + base64text.encode(b"x").encode() + b'"}'
    yield of_manifest("a10-payload-twice", "MALFORMED", "two payloads, one is verified", twin)
    added = edited(content, lambda v: v.update(payload2="x"))
    yield of_manifest("a10-unknown-field", "MALFORMED", "an unknown field", added)
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


def serials() -> Iterator[Vector]:
    good = signed(PAYLOAD)
    rule: tuple[tuple[str, str, int, str], ...] = (
        ("a11-rollback", "ROLLBACK", 8, ""),
        ("a11-rollback-far", "ROLLBACK", 2**53 - 1, "0" * 64),
        ("a12-serial-only", "ok", 7, ""),
        ("a13-equivocation", "EQUIVOCATION", 7, "0" * 64),
        ("a13-same-again", "ok", 7, PAYLOAD_SHA256),
        ("a11-newer", "ok", 6, "0" * 64),
    )
    for name, expect, serial, sha256 in rule:
        about = f"serial 7, after {serial} with hash {sha256[:8] or 'unknown'}"
        yield of_manifest(name, expect, about, good, serial=serial, sha256=sha256)
    kept = of_manifest("a11-kept-rollback", "ROLLBACK", "a kept release is no way back", good)
    yield replace(kept, kept=True, serial=8)
    for name, text in (
        ("a17-serial-zero", b"0"),
        ("a17-serial-2-53", b"9007199254740992"),
        ("a17-serial-true", b"true"),
        ("a17-serial-text", b'"7"'),
        ("a17-serial-negative", b"-7"),
    ):
        content = signed(PAYLOAD.replace(b"serial = 7", b"serial = " + text))
        yield of_manifest(name, "MALFORMED", f"serial = {text.decode()}", content)


def times() -> Iterator[Vector]:
    good, over = signed(PAYLOAD), MANIFEST.expires
    make = of_manifest
    yield make("a15-expired", "EXPIRED", "expired this second", good, now=over)
    yield make("a15-years-later", "EXPIRED", "long over", good, now=over + 150 * DAY)
    yield make("a16-last-second", "ok", "one second before", good, now=over - timedelta(seconds=1))
    yield make("a15-kept", "ok", "expired but known", good, now=over, kept=True)
    yield make("h01-ten-years", "TRUST_EXPIRED", "a clock far ahead", good, now=NOW + 3650 * DAY)
    yield make("h01-kept", "ok", "a kept one is observed", good, now=NOW + 3650 * DAY, kept=True)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    yield make("h02-epoch", "CLOCK", "a clock at 1970", good, now=epoch)
    yield make("h02-epoch-kept", "CLOCK", "the same for a kept one", good, now=epoch, kept=True)
    ahead = MANIFEST.created - timedelta(minutes=10)
    yield make("h07-skew", "ok", "made ten minutes ahead of us", good, now=ahead)
    late = ahead - timedelta(seconds=1)
    yield make("h07-skew-more", "CLOCK", "one second more than that", good, now=late)
    for name, old, new in (
        ("h08-naive", b"+00:00", b""),
        ("h08-year-overflow", b"created = 2026-02-28 12:00:00+00:00", b"created = 0001-01-01 00:00:00+01:00"),
        ("h08-month-13", b"created = 2026-02", b"created = 2026-13"),
        ("h08-text", b"created = 2026-02-28 12:00:00+00:00", b'created = "2026-02-28"'),
        ("h08-expires-first", b"expires = 2026", b"expires = 2025"),
    ):  # fmt: skip
        content = signed(PAYLOAD.replace(old, new))
        yield make(name, "MALFORMED", f"{old.decode()} becomes {new.decode()}", content)


def places() -> Iterator[Vector]:
    yield of_manifest(
        "a20-other-site", "WRONG_SITE", "staging's release, same keys", changed(site="staging")
    )
    yield of_bundle("a18-good", "ok", "the right bundle", BUNDLE)
    short, long = off1(length=len(BUNDLE) - 1), off1(length=len(BUNDLE) + 1)
    for name, found in (("short", short), ("long", long), ("hash", off1(sha256="0" * 64))):
        yield of_bundle(
            f"a18-{name}", "MISMATCH", f"a wrong {name}", BUNDLE, changed(hosts=(found,))
        )
    older = bundles.dump(replace(STATE, pools=("rpool",)))
    yield of_bundle("a18-older-bundle", "MISMATCH", "another serial's bundle", older)
    yield of_bundle("a18-empty", "MISMATCH", "an empty bundle", b"")
    yield of_bundle("a18-too-large", "TOO_LARGE", "too large", b" " * (bundles.MAX_BUNDLE + 1))
    yield of_bundle("a19-other-host", "MISMATCH", "off2's bundle offered to off1", OTHER_BUNDLE)
    wrong = changed(hosts=(off1(OTHER_BUNDLE),))
    yield of_bundle("a19-signed-wrong", "WRONG_HOST", "off2's under off1", OTHER_BUNDLE, wrong)
    missing = of_bundle("a19-not-named", "WRONG_HOST", "a host not in the release", BUNDLE)
    yield replace(missing, host="off3")
    foreign = bundles.dump(replace(STATE, site="staging"))
    release_of = changed(hosts=(off1(foreign),))
    yield of_bundle("a20-bundle-site", "WRONG_SITE", "a foreign bundle", foreign, release_of)
    nobody = changed(hosts=(off1(identity="0" * 64),))
    yield of_bundle("a18-identity", "MISMATCH", "another identity", BUNDLE, nobody)
    typo = BUNDLE.replace(b"mode =", b"mdoe =")
    release_of = changed(hosts=(off1(typo),))
    yield of_bundle("a27-bundle-typo", "MALFORMED", "an unknown key", typo, release_of)
    broken = BUNDLE.replace(b"BEGIN", b"BEGUN")
    release_of = changed(hosts=(off1(broken),))
    yield of_bundle("a18-certificate", "MALFORMED", "no certificate", broken, release_of)


def of_bundle(
    name: str, expect: str, about: str, content: bytes, envelope: bytes = b""
) -> Vector:
    return Vector(name, about, "bundle", expect, content, ROOT, envelope or signed(PAYLOAD))


def timestamps() -> Iterator[Vector]:
    day = timestamp.LIFETIME
    good = Timestamp("off", 7, PAYLOAD_SHA256, NOW, NOW + day)
    text = envelope.parse(timestamp.sign(good, CLOCK), 10_000).payload
    long = text.replace(b"expires = 2026-03-02", b"expires = 2026-03-03")
    kind = timestamp.PAYLOAD_TYPE
    later = replace(good, created=NOW + DAY, expires=NOW + 2 * DAY)
    cases = (
        ("good", "ok", timestamp.sign(good, CLOCK), NOW),
        ("release-key", "SIG_INVALID", timestamp.sign(good, ALICE), NOW),
        ("manifest", "SIG_INVALID", signed(PAYLOAD, CLOCK), NOW),
        ("expired", "EXPIRED", timestamp.sign(good, CLOCK), NOW + day),
        ("future", "CLOCK", timestamp.sign(later, CLOCK), NOW),
        ("two-days", "MALFORMED", signed(long, CLOCK, kind=kind), NOW),
        ("site", "WRONG_SITE", timestamp.sign(replace(good, site="staging"), CLOCK), NOW),
        ("typo", "MALFORMED", signed(text + b"x = 1\n", CLOCK, kind=kind), NOW),
        ("large", "TOO_LARGE", b" " * 100_000, NOW),
        ("trust", "TRUST_EXPIRED", timestamp.sign(good, CLOCK), NOW + 301 * DAY),
    )
    for name, expect, content, now in cases:
        about = f"a timestamp: {name.replace('-', ' ')}"
        yield Vector(f"a14-{name}", about, "timestamp", expect, content, ROOT, now=now)


def texts() -> Iterator[Vector]:
    """What TOML can do to a reader; signed, so only the parser stands in the way."""
    head = PAYLOAD + b"\n"
    cases = {
        "d01-dotted-key": b".".join([b"a"] * 40_000) + b" = 1\n",
        "d01-dotted-quoted": b".".join([b'"\\""'] * 16_000) + b" = 1\n",
        "d01-deep-header": b"[" + b".".join([b"a"] * 998) + b"]\n" + b"k = 1\n",
        "d01-one-word": b"# " + b"a" * 1_000_000 + b"\nx = 1\n",
        "d02-brackets": b"x = " + b"[" * 100_000,
        "d02-braces": b"x = " + b"{a = " * 2_000,
        "d03-digits": b"x = " + b"1" * 4301 + b"\n",
        "d03-hexadecimal": head.replace(b"wave = 1", b"wave = 0x" + b"f" * 100_000),
        "d04-nan": head.replace(b"wave = 1", b"wave = nan"),
        "d04-infinite": head.replace(b"wave = 1", b"wave = inf"),
        "d04-minus-zero": head.replace(b"wave = 1", b"wave = -0.0"),
        "d04-1e999": head.replace(b"wave = 1", b"wave = 1e999"),
        "d04-true": head.replace(b"wave = 1", b"wave = true"),
        "d04-float": head.replace(b"wave = 1", b"wave = 1.0"),
        "d04-date": head.replace(b'site = "off"', b"site = 2026-01-01"),
        "d04-no-table": head.replace(b"[hosts.off1]", b"hosts.off1 = 1\n[x]"),
        "d05-nul": head.replace(b'"off"', b'"off\\u0000"'),
        "d05-newline": head.replace(b'"off"', b'"off\\n"'),
        "d05-return": head.replace(b'"off"', b'"off\\r"'),
        "d05-escape": head.replace(b'"off"', b'"off\\u001b[2J"'),
        "d05-bidi": head.replace(b'"off"', b'"off\\u202e"'),
        "d05-zero-width": head.replace(b'"off"', b'"off\\u200b"'),
        "d05-surrogate": head.replace(b'"off"', b'"off\\ud800"'),
        "d05-long": head.replace(b'"off"', b'"' + b"o" * 1_000_000 + b'"'),
        "d05-host-name": head.replace(b"[hosts.off1]", b'[hosts."../off1"]'),
        "d05-host-dash": head.replace(b"[hosts.off1]", b"[hosts.-rf]"),
        "d06-key-twice": head.replace(b"serial = 7", b"serial = 7\nserial = 7"),
        "d06-table-twice": head + b"[hosts.off1]\nwave = 2\n",
        "d06-dotted-clash": head.replace(b"serial = 7", b"serial = 7\nserial.x = 7"),
        "d06-bom": b"\xef\xbb\xbf" + head,
        "d06-only-returns": head.replace(b"\n", b"\r"),
        "d08-not-utf8": head.replace(b'"off"', b'"off\xff"'),
        "d08-utf-16": head.decode().encode("utf-16"),
        "d08-empty": b"",
        "d08-comment": b"# nothing is desired\n",
        "d08-no-hosts": head[: head.index(b"[hosts.off1]")],
        "d08-zeros": bytes(4096),
        "d14-schema": head.replace(b"schema = 1", b"schema = 2"),
        "a27-unknown-key": b"protct = true\n" + head,
        "a27-unknown-in-host": head.replace(b"wave = 1", b"wawe = 1"),
        "a27-missing": head.replace(b"serial = 7\n", b""),
        "a27-wave-zero": head.replace(b"wave = 1", b"wave = 0"),
        "a27-hash-upper": head.replace(b'sha256 = "', b'sha256 = "A', 1),
        "b06-shared-identity": head + b"identity = " + head.split(b"identity = ")[1][:66] + b"\n",
    }
    for name, payload in cases.items():
        about = f"a signed manifest: {name[4:].replace('-', ' ')}"
        yield of_manifest(name, "MALFORMED", about, signed(payload))


def roots() -> Iterator[Vector]:
    def of_root(name: str, content: str, expect: str = "MALFORMED") -> Vector:
        about = f"a trust root: {name[4:].replace('-', ' ')}"
        return Vector(name, about, "root", expect, content.encode())

    yield of_root("a03-good", ROOT, "ok")
    for name, text in (
        ("zero", "0"), ("negative", "-1"), ("text", '"2"'), ("true", "true"), ("above", "4"),
        ("float", "1.0"), ("list", "[1]"),
    ):  # fmt: skip
        content = ROOT.replace("threshold = 1", f"threshold = {text}")
        yield of_root(f"a03-threshold-{name}", content)
    yield of_root("a03-threshold-missing", ROOT.replace("threshold = 1\n", ""))
    yield of_root("a03-no-keys", ROOT.replace(_between(ROOT, "[release_keys]", "[coord"), ""))
    yield of_root("a04-key-twice", ROOT.replace(BOB.public.text, ALICE.public.text))
    yield of_root("a04-clock-is-signer", ROOT.replace(CLOCK.public.text, ALICE.public.text))
    both = ROOT.replace(certificate("alice"), certificate("main"))
    yield of_root("a04-certificate-twice", both)
    given = f'alice = {{ keyid = "{"0" * 64}", key = "{ALICE.public.text}" }}'
    yield of_root("a05-given-keyid", ROOT.replace(f'alice = "{ALICE.public.text}"', given))
    yield of_root("a27-root-typo", ROOT.replace("threshold", "treshold"))
    yield of_root("a27-root-extra", ROOT.replace("[release_keys]", "ca = 1\n[release_keys]"))
    yield of_root("a22-version-zero", ROOT.replace("version = 1", "version = 0"))
    yield of_root("a22-version-true", ROOT.replace("version = 1", "version = true"))
    yield of_root("d05-root-site", ROOT.replace('"off"', '"../off"'))
    yield of_root("d05-root-name", ROOT.replace("[operators.alice]", '[operators."a b"]'))
    yield of_root("d08-root-empty", "")
    yield of_root("d08-root-zeros", "\0" * 512)
    yield of_root("d01-root-large", "#" * (root.MAX_TRUST_ROOT + 1), "TOO_LARGE")
    pem = certificate("main")
    yield of_root("a08-two-blocks", ROOT.replace(pem, pem + pem))
    yield of_root("a08-trailing", ROOT.replace(pem, pem + "more\n"))
    yield of_root("a08-damaged", ROOT.replace(pem, pem.replace("M", "N")))


def _between(text: str, start: str, end: str) -> str:
    return text[text.index(start) : text.index(end)]


def keys() -> Iterator[Vector]:
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
        "short": ALICE.public.raw[:31],
        "long": ALICE.public.raw + b"\0",
        "nothing": b"",
    }
    for name, raw in weak.items():
        text = "ed25519:" + base64text.encode(raw)
        about = f"a public key: {name.replace('-', ' ')}"
        yield Vector(f"a07-key-{name}", about, "public-key", "MALFORMED", text.encode())
    good = ALICE.public.text
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
    assert PublicKey.parse(good) == ALICE.public


def secrets() -> Iterator[Vector]:
    pem = ALICE.to_pem()
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


def all_vectors() -> list[Vector]:
    parts = (
        signatures, kinds, serials, times, places, timestamps, texts, roots, keys, secrets, releases
    )  # fmt: skip
    return [vector for part in parts for vector in part()]


def main() -> None:
    VECTORS.mkdir(exist_ok=True)
    for old in VECTORS.glob("*.toml"):
        old.unlink()
    for vector in all_vectors():
        (VECTORS / f"{vector.name}.toml").write_bytes(vector.dump())


if __name__ == "__main__":
    main()
