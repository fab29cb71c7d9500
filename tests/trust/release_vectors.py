"""Vectors about well signed releases and timestamps that are not for us, or not for now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from offctl.desired import bundle as bundles
from offctl.trust import envelope, root, timestamp
from offctl.trust.timestamp import Timestamp
from trust.material import (
    BUNDLE,
    CLOCK,
    DAY,
    DESK,
    MANIFEST,
    NOW,
    OTHER_BUNDLE,
    PAYLOAD,
    PAYLOAD_SHA256,
    ROOT,
    STATE,
    Vector,
    changed,
    of_manifest,
    off1,
    signed,
    trust_root,
)


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
    for name, code, seconds in (("h01-root-over", "TRUST_EXPIRED", 0), ("h01-root-last", "ok", 1)):
        brief = root.dump(trust_root(expires=NOW + timedelta(seconds=seconds))).decode()
        about = f"{seconds} seconds before the trust root expires"
        yield make(name, code, about, good, trusted=brief)
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
        ("h08-year-overflow", b"2026-02-28 12:00:00+00:00", b"0001-01-01 00:00:00+01:00"),
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


def of_bundle(name: str, expect: str, about: str, content: bytes, envelope: bytes = b"") -> Vector:
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
        ("release-key", "SIG_INVALID", timestamp.sign(good, DESK), NOW),
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
