"""How large anything may be that somebody else wrote, to the byte; and what no value can hold."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from offctl import errors
from offctl.desired.consents import MAX_WAVE
from offctl.trust import accept, envelope, manifest, release, root, rotation, timestamp
from offctl.trust.keys import SecretKey
from offctl.trust.timestamp import Timestamp
from trust import material
from trust.material import MANIFEST, NOW, PAYLOAD_SHA256

KIB = 1024
MIB = 1024 * KIB
ROOT = material.trust_root()
NEW = accept.Floor()
STAMP = Timestamp("off", 7, PAYLOAD_SHA256, NOW, NOW + timestamp.LIFETIME)


def in_an_envelope(limit: int) -> Callable[[bytes], object]:
    return lambda content: envelope.parse(content, envelope.limit_for(limit))


@pytest.mark.parametrize(
    ("parse", "most"),
    [
        (root.parse, 512 * KIB),
        (manifest.parse, 4 * MIB),
        (timestamp.parse, 4 * KIB),
        (release.parse, 64 * MIB),
        (rotation.parse_chain, 8 * MIB),
        (rotation.payload_of, 512 * KIB * 4 // 3 + 16 * KIB),
        (in_an_envelope(0), 16 * KIB),
        (in_an_envelope(300), 16 * KIB + 400),
    ],
)
def test_the_last_byte_that_is_read(parse: Callable[[bytes], object], most: int) -> None:
    for size, code in ((most, "MALFORMED"), (most + 1, "TOO_LARGE")):
        with pytest.raises(errors.MalformedError) as refused:
            parse(b" " * size)
        assert refused.value.code == code


def test_a_manifest_in_a_release_file_has_the_size_of_any_manifest() -> None:
    def of(size: int) -> bytes:
        return release.SignedRelease(material.signed(b"#" * size), ()).dump()

    assert release.parse(of(4 * MIB))
    with pytest.raises(errors.MalformedError) as refused:
        release.parse(of(4 * MIB + 1))
    assert refused.value.code == "TOO_LARGE"


def test_a_bundle_in_a_release_file_has_the_size_of_any_bundle() -> None:
    def of(size: int) -> release.SignedRelease:
        return release.SignedRelease(material.signed(b"#"), (("off1", b"#" * size),))

    assert release.parse(of(4 * MIB).dump()) == of(4 * MIB)
    with pytest.raises(errors.MalformedError) as refused:
        of(4 * MIB + 1).dump()
    assert refused.value.code == "TOO_LARGE"


def test_a_bundle_is_looked_at_up_to_the_size_of_any_bundle() -> None:
    accepted = accept.manifest(material.signed(material.PAYLOAD), ROOT, floor=NEW, now=NOW)
    for size, code in ((4 * MIB, "MISMATCH"), (4 * MIB + 1, "TOO_LARGE")):
        with pytest.raises(errors.RefusedError) as refused:
            accept.bundle(accepted, host="off1", content=b"#" * size)
        assert refused.value.code == code


def test_the_smallest_numbers_are_read_back() -> None:
    first = replace(STAMP, serial=1)
    assert accept.timestamp(timestamp.sign(first, material.CLOCK), ROOT, now=NOW) == first
    host = replace(MANIFEST.hosts[0], length=1, wave=1)
    least = replace(MANIFEST, serial=1, hosts=(host,))
    assert manifest.parse(manifest.dump(least)) == least
    assert root.parse(root.dump(ROOT)).version == 1


def test_a_secret_key_is_looked_at_up_to_a_kilobyte() -> None:
    frame = b"-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n"
    body = b"A" * (1024 - len(frame % b""))
    with pytest.raises(errors.MalformedError, match="its content is damaged"):
        SecretKey.from_pem(frame % body)
    with pytest.raises(errors.MalformedError, match="not exactly one"):
        SecretKey.from_pem(frame % (body + b"A"))


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (ROOT, {"site": "../off"}),
        (ROOT, {"version": 0}),
        (ROOT, {"version": 2**53}),
        (ROOT, {"threshold": 0}),
        (ROOT, {"threshold": 4}),
        (ROOT, {"release_keys": (("a key", material.DESK.public),)}),
        (ROOT, {"release_keys": (("desk", material.DESK.public), ("desk", material.SPARE.public))}),
        (ROOT, {"coordinators": (("../main", material.certificate("main")),)}),
        (ROOT, {"operators": (("../desk", material.certificate("desk")),)}),
        (ROOT, {"operators": (("desk", material.certificate("main")),)}),
        (ROOT, {"timestamp_key": material.DESK.public}),
        (MANIFEST, {"site": "../off"}),
        (MANIFEST, {"serial": 0}),
        (MANIFEST, {"serial": 2**53}),
        (MANIFEST, {"expires": MANIFEST.created}),
        (MANIFEST, {"hosts": ()}),
        (MANIFEST, {"hosts": (MANIFEST.hosts[0], replace(MANIFEST.hosts[0], host="off3"))}),
        (MANIFEST.hosts[0], {"host": "../off1"}),
        (MANIFEST.hosts[0], {"sha256": "A" * 64}),
        (MANIFEST.hosts[0], {"identity": "0" * 63}),
        (MANIFEST.hosts[0], {"wave": 0}),
        (MANIFEST.hosts[0], {"wave": MAX_WAVE + 1}),
        (STAMP, {"site": "../off"}),
        (STAMP, {"serial": 0}),
        (STAMP, {"serial": 2**53}),
        (STAMP, {"sha256": "0" * 65}),
        (STAMP, {"expires": STAMP.created}),
    ],
)
def test_nothing_else_can_be_made(value: object, changes: dict[str, object]) -> None:
    with pytest.raises(errors.MalformedError):
        replace(value, **changes)  # type: ignore[type-var]


def test_one_key_under_two_names_is_called_that() -> None:
    twice = (("desk", material.DESK.public), ("spare", material.DESK.public))
    with pytest.raises(errors.MalformedError, match="release key"):
        replace(ROOT, release_keys=twice)


def test_the_largest_numbers_are_numbers() -> None:
    assert replace(ROOT, version=2**53 - 1, threshold=3)
    assert replace(MANIFEST, serial=2**53 - 1)
    assert replace(MANIFEST.hosts[0], wave=MAX_WAVE)
    assert replace(STAMP, serial=2**53 - 1)
