"""A host follows its trust root from version to version, and never back."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.desk import Desk
from offctl.trust import root as roots
from offctl.trust import timestamp as timestamps
from offctl.trust.keys import SecretKey
from offctl.trust.root import TrustRoot
from offctl.trust.timestamp import Timestamp

NEXT = SecretKey.generate()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.offer(desk.fleet.release(5, "off2"))
    assert desk.serial(desk.take()) == 5
    return desk


def two(desk: Desk, **changes: object) -> TrustRoot:
    return desk.fleet.root(version=2, release_keys=(("next", NEXT.public),), **changes)


def version(desk: Desk) -> int:
    return roots.parse(desk.config.trust.read_bytes()).version


def test_a_successor_is_put_in_place_and_judges_at_once(desk: Desk) -> None:
    """The key that signed what is held has left: nothing is done until its successor signs."""
    desk.offer_roots((two(desk), (desk.fleet.release_key, NEXT)))
    taken = desk.take()
    assert version(desk) == 2
    assert taken.held is None
    assert taken.refused is not None
    assert taken.refused.code == "SIG_INVALID"
    desk.offer(desk.fleet.release(6, "off2"))
    assert getattr(desk.take().refused, "code", "") == "SIG_INVALID", "the removed key signs"
    old, desk.fleet.release_key = desk.fleet.release_key, NEXT
    desk.offer(desk.fleet.release(6, "off2"))
    taken = desk.take()
    assert (desk.serial(taken), taken.refused) == (6, None)
    assert old != NEXT


def test_a_successor_without_enough_signatures_changes_nothing(desk: Desk) -> None:
    for keys in ((desk.fleet.release_key,), (NEXT,), ()):
        desk.offer_roots((two(desk), keys))
        taken = desk.take()
        assert (version(desk), desk.serial(taken)) == (1, 5)
        assert getattr(taken.refused, "code", "") == "SIG_INVALID"
        assert taken.observe_only == "", "what is held is still good"


WRONG = (
    ({"version": 3}, "SKIPPED"),
    ({"site": "staging"}, "WRONG_SITE"),
    ({"version": 1}, "EQUIVOCATION"),
)


@pytest.mark.parametrize(("changes", "code"), WRONG)
def test_a_wrong_successor_is_told_by_its_code(
    desk: Desk, changes: dict[str, object], code: str
) -> None:
    wrong = replace(two(desk), **changes)  # type: ignore[arg-type]
    desk.offer_roots((wrong, (desk.fleet.release_key, NEXT)))
    taken = desk.take()
    assert (version(desk), desk.serial(taken)) == (1, 5)
    assert getattr(taken.refused, "code", "") == code


def test_an_old_trust_root_put_back_is_noticed(desk: Desk) -> None:
    """From a backup of /etc: a key that had been removed would count again."""
    old = desk.config.trust.read_bytes()
    both = (("desk", desk.fleet.release_key.public), ("next", NEXT.public))
    successor = desk.fleet.root(version=2, release_keys=both)
    desk.offer_roots((successor, (desk.fleet.release_key,)))
    assert desk.take().refused is None
    desk.config.trust.write_bytes(old)
    (desk.config.inbox / "trust.json").unlink()
    taken = desk.take()
    assert (desk.serial(taken), taken.code) == (5, "ROLLBACK")
    assert getattr(taken.refused, "code", "") == "ROLLBACK"
    assert taken.observe_only == "the trust root went back"
    desk.offer_roots((successor, (desk.fleet.release_key,)))
    assert (desk.take().observe_only, version(desk)) == ("", 2)


def test_looking_does_not_rotate(desk: Desk) -> None:
    desk.offer_roots((two(desk), (desk.fleet.release_key, NEXT)))
    desk.take(keep=False)
    assert version(desk) == 1


def test_an_expired_successor_is_in_force_and_accepts_nothing(desk: Desk) -> None:
    both = (("desk", desk.fleet.release_key.public), ("next", NEXT.public))
    over = desk.fleet.root(version=2, release_keys=both, expires=desk.now - timedelta(days=1))
    desk.offer_roots((over, (desk.fleet.release_key,)))
    taken = desk.take()
    assert (version(desk), desk.serial(taken), taken.code) == (2, 5, "TRUST_EXPIRED")


def test_a_forged_or_forked_timestamp_has_its_own_code(desk: Desk) -> None:
    def stamp(key: SecretKey, serial: int, digest: str) -> None:
        made = Timestamp("openfoodfacts", serial, digest, desk.now, desk.now + timedelta(hours=24))
        desk.inbox.put_timestamp(timestamps.sign(made, key))

    def found(after: timedelta = timedelta()) -> tuple[str, str]:
        taken = desk.take(after=after)
        return taken.freshness, getattr(taken.refused, "code", "")

    ours = desk.fleet.timestamp_key
    held = desk.take().held
    assert held is not None
    good = held.accepted.sha256
    for key, serial, digest, expected in (
        (ours, 5, good, ("fresh", "")),
        (NEXT, 5, good, ("stale", "SIG_INVALID")),
        (ours, 5, "f" * 64, ("stale", "EQUIVOCATION")),
        (ours, 6, "f" * 64, ("stale", "")),
    ):
        stamp(key, serial, digest)
        assert found() == expected
    stamp(ours, 5, good)
    assert found(timedelta(hours=25)) == ("stale", ""), "kept from news: stale, and no attack"


def test_a_host_that_lost_its_memory_follows_and_still_asks(desk: Desk, tmp_path: Path) -> None:
    """The way is followed, but no floor is made of it before an operator says so."""
    for path in desk.config.agent_state.iterdir():
        path.unlink()
    desk.places.texts.clear()
    both = (("desk", desk.fleet.release_key.public), ("next", NEXT.public))
    successor = desk.fleet.root(version=2, release_keys=both)
    desk.offer_roots((successor, (desk.fleet.release_key, NEXT)))
    taken = desk.take()
    assert (version(desk), taken.code) == (2, "FLOOR_LOST")
    assert (desk.state().mark(), desk.places.texts) == (None, {})
