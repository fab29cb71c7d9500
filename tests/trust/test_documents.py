"""Trust root, manifest and release file: what is written reads back, byte for byte the same."""

from dataclasses import replace

import pytest

from offctl import errors
from offctl.trust import manifest, release, root
from offctl.trust.release import SignedRelease
from trust import material
from trust.material import BUNDLE, MANIFEST, NOW, OTHER_BUNDLE, PAYLOAD

ROOT = material.trust_root(2)
RELEASE = SignedRelease(material.signed(PAYLOAD), (("off1", BUNDLE), ("off2", OTHER_BUNDLE)))


def test_a_trust_root_round_trips() -> None:
    assert root.parse(root.dump(ROOT)) == ROOT
    assert root.dump(root.parse(root.dump(ROOT))) == root.dump(ROOT)
    alone = replace(ROOT, coordinators=(), operators=())
    assert root.parse(root.dump(alone)) == alone


def test_a_trust_root_edited_by_hand_is_the_same() -> None:
    text = root.dump(ROOT).decode()
    for name in ("main", "desk"):
        pem = material.certificate(name)
        assert pem in text
        by_hand = "# ours\r\n" + text.replace(pem, "\n" + pem.strip()).replace("\n", "\r\n")
        assert root.parse(by_hand.encode()) == ROOT


def test_a_manifest_round_trips_in_any_order() -> None:
    assert manifest.parse(manifest.dump(MANIFEST)) == MANIFEST
    turned = replace(MANIFEST, hosts=MANIFEST.hosts[::-1])
    assert manifest.dump(turned) == manifest.dump(MANIFEST)


def test_a_manifest_knows_its_hosts() -> None:
    found = MANIFEST.entry("off2")
    assert found is not None
    assert found.length == len(OTHER_BUNDLE)
    assert MANIFEST.entry("off9") is None


def test_a_host_stands_once() -> None:
    first = MANIFEST.hosts[0]
    other = replace(first, identity="1" * 64)
    with pytest.raises(errors.MalformedError, match=f"host '{first.host}': it stands twice"):
        replace(MANIFEST, hosts=(first, other))
    with pytest.raises(errors.MalformedError, match="before"):
        replace(MANIFEST, expires=NOW - material.DAY)


@pytest.mark.parametrize("length", [0, 4 * 1024 * 1024 + 1])
def test_a_bundle_has_a_length_that_can_be(length: int) -> None:
    with pytest.raises(errors.MalformedError, match=str(length)):
        replace(MANIFEST.hosts[0], length=length)


def test_a_release_round_trips() -> None:
    assert release.parse(RELEASE.dump()) == RELEASE
    assert release.parse(RELEASE.dump()).dump() == RELEASE.dump()
    assert RELEASE.bundle("off2") == OTHER_BUNDLE
    assert RELEASE.bundle("off9") is None


def test_line_ends_and_letters_of_a_bundle_survive() -> None:
    odd = SignedRelease(RELEASE.envelope, (("off1", "a\r\nb\té\U0001f600\n".encode()),))
    assert release.parse(odd.dump()) == odd
    # A person can read it too.
    assert "é".encode() in odd.dump()


@pytest.mark.parametrize(
    ("envelope", "bundles"),
    [
        (b"{}", ()),
        (b"", ()),
        (RELEASE.envelope, (("off1", b"\xff"),)),
        (RELEASE.envelope, (("../off1", b"x"),)),
        (RELEASE.envelope, (("off1", b"x" * (5 << 20)),)),
    ],
)
def test_nothing_is_written_that_could_not_be_read(
    envelope: bytes, bundles: tuple[tuple[str, bytes], ...]
) -> None:
    with pytest.raises(errors.MalformedError):
        SignedRelease(envelope, bundles).dump()
