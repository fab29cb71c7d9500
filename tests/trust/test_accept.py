"""What acceptance gives back, and its words for freshness (refusals are in the vectors)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from offctl import errors
from offctl.trust import accept, timestamp
from offctl.trust.refusal import Refusal
from offctl.trust.root import TrustRoot
from offctl.trust.timestamp import Timestamp
from trust import material
from trust.material import BUNDLE, CLOCK, DAY, NOW, PAYLOAD, PAYLOAD_SHA256

ROOT = material.trust_root()
CONTENT = material.signed(PAYLOAD)
ACCEPTED = accept.manifest(CONTENT, ROOT, floor=accept.Floor(), now=NOW)
STAMP = Timestamp("off", 7, PAYLOAD_SHA256, NOW, NOW + timestamp.LIFETIME)


def test_accepted_values_are_what_was_signed() -> None:
    assert ACCEPTED.manifest == material.MANIFEST
    assert ACCEPTED.sha256 == PAYLOAD_SHA256
    assert not ACCEPTED.expired
    assert accept.bundle(ACCEPTED, host="off1", content=BUNDLE) == material.STATE
    other = accept.bundle(ACCEPTED, host="off2", content=material.OTHER_BUNDLE)
    assert other == material.OTHER
    assert accept.timestamp(timestamp.sign(STAMP, CLOCK), ROOT, now=NOW) == STAMP


def test_a_kept_release_is_flagged_when_it_or_the_trust_root_is_over() -> None:
    def kept(days: int, root: TrustRoot = ROOT) -> bool:
        now = NOW + days * DAY
        found = accept.manifest(CONTENT, root, floor=accept.Floor(), now=now, kept=True)
        return found.expired

    assert [kept(88), kept(89), kept(5000)] == [False, True, True]
    assert kept(3, replace(ROOT, expires=NOW + 2 * DAY))


def test_a_kept_release_by_a_key_that_left_the_trust_root_is_refused() -> None:
    """The case that TUF clients get wrong: what is cached is judged by the root of today."""
    without_desk = replace(ROOT, release_keys=ROOT.release_keys[1:])
    with pytest.raises(errors.RefusedError) as caught:
        accept.manifest(CONTENT, without_desk, floor=accept.Floor(), now=NOW, kept=True)
    assert caught.value.code == "SIG_INVALID"


@pytest.mark.parametrize(
    ("word", "stamp", "hours"),
    [
        ("fresh", STAMP, 0),
        ("fresh", STAMP, 23),
        ("stale", STAMP, 24),
        ("unknown", None, 0),
        ("stale", replace(STAMP, serial=8), 0),
        ("stale", replace(STAMP, serial=6), 0),
        ("stale", replace(STAMP, sha256="0" * 64), 0),
        ("expired", STAMP, 24 * 89),
        ("expired", None, 24 * 89),
    ],
)
def test_freshness(word: str, stamp: Timestamp | None, hours: int) -> None:
    assert accept.freshness(ACCEPTED, stamp, NOW + timedelta(hours=hours)) == word


def test_an_expired_one_is_expired_whatever_the_clock_says() -> None:
    expired = replace(ACCEPTED, expired=True)
    assert accept.freshness(expired, STAMP, NOW) == "expired"


def test_a_replay_is_fresh_for_one_day_and_never_again() -> None:
    """A coordinator that repeats yesterday's answers is found out within a timestamp's life."""
    words = [accept.freshness(ACCEPTED, STAMP, NOW + timedelta(hours=h)) for h in range(48)]
    assert words == ["fresh"] * 24 + ["stale"] * 24


def test_refusals_say_both_values_and_what_to_do() -> None:
    with pytest.raises(errors.RefusedError) as caught:
        accept.manifest(CONTENT, ROOT, floor=accept.Floor(7, "f" * 64), now=NOW)
    error = caught.value
    assert error.code == Refusal.EQUIVOCATION
    assert PAYLOAD_SHA256 in str(error)
    assert "f" * 64 in str(error)
    assert "higher serial" in error.hint


def test_a_floor_nobody_raised_is_below_the_first_release() -> None:
    assert accept.Floor() == accept.Floor(0, "")


def test_another_kind_of_document_is_called_by_its_name() -> None:
    with pytest.raises(errors.RefusedError, match="cannot accept the timestamp: the release is"):
        accept.manifest(timestamp.sign(STAMP, CLOCK), ROOT, floor=accept.Floor(), now=NOW)
    with pytest.raises(errors.RefusedError, match="cannot accept the release: the timestamp is"):
        accept.timestamp(CONTENT, ROOT, now=NOW)


def test_every_serial_below_the_floor_is_refused() -> None:
    for serial in range(8, 20):
        floor = accept.Floor(serial, PAYLOAD_SHA256)
        with pytest.raises(errors.RefusedError, match=f"release {serial} was accepted before"):
            accept.manifest(CONTENT, ROOT, floor=floor, now=NOW)
