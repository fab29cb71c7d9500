"""Vectors about trust roots that follow one another, or claim to (TUF specification, 5.3)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offctl.trust import envelope, manifest, root, rotation
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step
from trust.material import (
    CLOCK,
    DESK,
    NOW,
    PAYLOAD,
    SPARE,
    STRANGER,
    VAULT,
    Vector,
    edited,
    secret,
    signed,
    trust_root,
)

ONE = trust_root(2)
NEXT = secret("next")
TWO = replace(
    ONE,
    version=2,
    release_keys=(("spare", SPARE.public), ("vault", VAULT.public), ("next", NEXT.public)),
)
WEAK = b"ed25519:" + b"A" * 43 + b"="
OLD = (DESK, SPARE)
BOTH = (DESK, SPARE, VAULT)


def rotations() -> Iterator[Vector]:
    yield from good_chains()
    yield from unsigned()
    yield from wrong_order()
    yield from damaged()


def good_chains() -> Iterator[Vector]:
    yield of_chain("a22-good", "ok 2", "signed by enough of both", _step(TWO, *BOTH))
    three = replace(TWO, version=3)
    chain = (_step(TWO, *BOTH), _step(three, SPARE, NEXT))
    yield of_chain("a22-two-steps", "ok 3", "one after the other", *chain)
    over = replace(TWO, expires=NOW - timedelta(days=1))
    chain = (_step(over, *BOTH), _step(three, SPARE, NEXT))
    yield of_chain("a22-expired-middle", "ok 3", "an expired one in the middle counts", *chain)
    yield of_chain(
        "a22-expired-last", "ok 2", "followed; nothing is accepted by it", _step(over, *BOTH)
    )
    yield of_chain("a22-nothing", "ok 1", "no successor", *())
    past = Step(1, _step(replace(ONE, version=1), STRANGER).envelope)
    yield of_chain("a22-older-again", "ok 2", "what came before", past, _step(TWO, *BOTH))
    same = _step(ONE, *OLD)
    yield of_chain("a22-same-again", "ok 1", "the one in force, again", same)
    fewer = replace(TWO, threshold=1)
    yield of_chain("a22-threshold-falls", "ok 2", "two of the old allow one", _step(fewer, *OLD))
    many = [replace(ONE, version=2 + n) for n in range(257)]
    yield of_chain("a22-257", "TOO_LARGE", "257 rotations", *(_step(r, *OLD) for r in many))
    yield of_chain("a22-256", "ok 257", "256 rotations", *(_step(r, *OLD) for r in many[:256]))


def unsigned() -> Iterator[Vector]:
    only_new = (SPARE, VAULT, NEXT)
    # Two of the old ones are among them, so take the overlap away.
    apart = replace(TWO, release_keys=(("next", NEXT.public), ("x", STRANGER.public)), threshold=2)
    cases: tuple[tuple[str, str, str, TrustRoot, tuple[SecretKey, ...]], ...] = (
        ("a22-not-by-old", "SIG_INVALID", "only the new keys signed", apart, (NEXT, STRANGER)),
        ("a22-not-by-new", "SIG_INVALID", "only the old keys signed", apart, OLD),
        ("a22-one-of-new", "SIG_INVALID", "one new key of two", apart, (*OLD, NEXT)),
        ("a22-by-both", "ok 2", "no key in common", apart, (*OLD, NEXT, STRANGER)),
        ("a23-one-of-old", "SIG_INVALID", "one stolen key of two", TWO, (DESK, NEXT)),
        ("a23-raises-itself", "SIG_INVALID", "a thief takes the threshold down",
         replace(TWO, threshold=1), (DESK,)),
        ("a23-timestamp-key", "SIG_INVALID", "the coordinator's key", TWO, (CLOCK,)),
        ("a23-nobody", "SIG_INVALID", "nobody signed", TWO, ()),
        ("a04-root-overlap", "ok 2", "two keys count for both", TWO, only_new),
    )  # fmt: skip
    for name, expect, about, made, keys in cases:
        yield of_chain(name, expect, about, _step(made, *keys))
    step = _step(TWO, DESK)
    twice = edited(step.envelope, lambda v: v.update(signatures=v["signatures"] * 2))  # type: ignore[operator]
    yield of_chain("a04-root-twice", "SIG_INVALID", "one signature twice", Step(2, twice))


def wrong_order() -> Iterator[Vector]:
    three = replace(TWO, version=3)
    yield of_chain("a22-skipped", "SKIPPED", "from 1 to 3", _step(three, *BOTH))
    chain = (_step(three, *BOTH), _step(TWO, *BOTH))
    yield of_chain("a22-backwards", "SKIPPED", "3 before 2", *chain)
    again = (_step(TWO, *BOTH), _step(TWO, *BOTH))
    yield of_chain("a22-twice", "ROLLBACK", "2 after 2", *again)
    lies = Step(2, _step(ONE, *OLD).envelope)
    yield of_chain("a22-lies-about-version", "ROLLBACK", "1 carried as 2", lies)
    other = replace(ONE, threshold=1)
    yield of_chain("a13-root-fork", "EQUIVOCATION", "another version 1", _step(other, *OLD))
    noise = _step(other, STRANGER)
    yield of_chain("a13-root-noise", "ok 1", "another version 1 by a stranger", noise)
    staging = replace(TWO, site="staging")
    yield of_chain("a20-root-site", "WRONG_SITE", "for another site", _step(staging, *BOTH))


def damaged() -> Iterator[Vector]:
    good = _step(TWO, *BOTH)
    release = Step(2, signed(PAYLOAD, *BOTH))
    yield of_chain("a09-release-as-root", "SIG_INVALID", "a release", release)
    moved = edited(good.envelope, lambda v: v.update(payloadType=manifest.PAYLOAD_TYPE))
    yield of_chain("a09-root-moved", "SIG_INVALID", "another type", Step(2, moved))
    text = root.dump(TWO)
    for name, payload in (
        ("a03-next-threshold", text.replace(b"threshold = 2", b"threshold = 0")),
        ("a27-next-typo", text.replace(b"threshold", b"treshold")),
        ("d08-next-empty", b""),
        ("d01-next-dotted", b".".join([b"a"] * 40_000) + b" = 1\n"),
        ("a07-next-weak-key", text.replace(NEXT.public.text.encode(), WEAK)),
    ):  # fmt: skip
        about = f"well signed: {name[4:].replace('-', ' ')}"
        made = Step(2, envelope.sign(root.PAYLOAD_TYPE, payload, BOTH))
        yield of_chain(name, "MALFORMED", about, made)
    content = rotation.dump_chain([good])
    for name, changed in (
        ("d08-chain-cut", content[:-9]),
        ("d08-chain-empty", b""),
        ("d15-chain-more", content.replace(b'{"roots"', b'{"more":1,"roots"')),
        ("d15-chain-extra", content.replace(b'"version"', b'"more":1,"version"')),
        ("d15-chain-version", content.replace(b'"version":2', b'"version":"2"')),
        ("d15-chain-list", b"[]"),
    ):
        yield _vector(name, "MALFORMED", name[4:].replace("-", " "), changed)
    large = b" " * (rotation.MAX_CHAIN + 1)
    yield _vector("a25-chain-large", "TOO_LARGE", "more than a chain can be", large)


def of_chain(name: str, expect: str, about: str, *chain: Step) -> Vector:
    return _vector(name, expect, f"a trust root: {about}", rotation.dump_chain(chain))


def _vector(name: str, expect: str, about: str, content: bytes) -> Vector:
    return Vector(name, about, "rotation", expect, content, root.dump(ONE).decode())


def _step(made: TrustRoot, *keys: SecretKey) -> Step:
    return Step(made.version, rotation.sign(made, keys))
