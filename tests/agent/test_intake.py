"""Taking releases in: held, offered, refused; real keys and signatures."""

from dataclasses import replace
from datetime import datetime, timedelta
import os
from pathlib import Path

import pytest

from agent.desk import Desk
from offctl import errors
from offctl.desired.model import Mode
from offctl.trust.keys import SecretKey
from offctl.trust.release import SignedRelease
from offctl_agent import intake
from offctl_agent.floors import Mark
from offctl_agent.mailbox import MAX_DROP
from offctl_agent.state import State


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_nothing_yet(desk: Desk) -> None:
    taken = desk.take()
    assert (taken.held, taken.refused, taken.news) == (None, None, False)
    assert (taken.freshness, taken.observe_only) == ("unknown", "no release is believed")
    assert taken.site == "openfoodfacts"


def test_the_first_release_is_kept_and_held_without_the_inbox(desk: Desk) -> None:
    desk.offer(desk.fleet.release(3, "off1", "off2"))
    first = desk.take()
    assert (desk.serial(first), first.news, first.refused, first.observe_only) == (
        3,
        True,
        None,
        "",
    )
    (desk.config.inbox / "release.json").unlink()
    second = desk.take()
    assert (desk.serial(second), second.news, second.refused) == (3, False, None)
    assert second.held == first.held


def test_a_look_without_keeping_keeps_nothing(desk: Desk) -> None:
    desk.offer(desk.fleet.release(3, "off2"))
    assert desk.serial(desk.take(keep=False)) == 3
    assert State(desk.config.agent_state).release() is None


def test_a_newer_release_replaces_and_the_same_is_no_news(desk: Desk) -> None:
    for serial in (3, 4):
        desk.offer(desk.fleet.release(serial, "off2"))
        assert desk.serial(desk.take()) == serial
    again = desk.take()
    assert (desk.serial(again), again.news, again.refused) == (4, False, None)


def held_at_5(desk: Desk) -> None:
    desk.offer(desk.fleet.release(5, "off2"))
    assert desk.serial(desk.take()) == 5


def rollback(desk: Desk) -> str:
    desk.offer(desk.fleet.release(4, "off2"))
    return "ROLLBACK"


def equivocation(desk: Desk) -> str:
    desk.offer(desk.fleet.release(5, "off1", "off2"))
    return "EQUIVOCATION"


def forged(desk: Desk) -> str:
    good = desk.fleet.release(6, "off2")
    desk.fleet.release_key = SecretKey.generate()
    forged = desk.fleet.release(6, "off2")
    desk.offer(SignedRelease(forged.envelope, good.bundles))
    return "SIG_INVALID"


def expired(desk: Desk) -> str:
    past = {"created": desk.now - timedelta(days=9), "expires": desk.now - timedelta(days=1)}
    desk.offer(desk.fleet.release(6, "off2", **past))
    return "EXPIRED"


def of_another_site(desk: Desk) -> str:
    desk.offer(desk.fleet.release(6, "off2", site="staging"))
    return "WRONG_SITE"


def for_others(desk: Desk) -> str:
    desk.offer(desk.fleet.release(6, "off1"))
    return "WRONG_HOST"


def without_our_bundle(desk: Desk) -> str:
    desk.offer(replace(desk.fleet.release(6, "off2"), bundles=()))
    return "WRONG_HOST"


def with_another_bundle(desk: Desk) -> str:
    other = desk.fleet.release_of(6, replace(desk.fleet.state("off2"), mode=Mode.AUDIT))
    desk.offer(replace(desk.fleet.release(6, "off2"), bundles=other.bundles))
    return "MISMATCH"


def from_the_future(desk: Desk) -> str:
    later = desk.now + timedelta(days=1)
    desk.offer(desk.fleet.release(6, "off2", created=later, expires=later + timedelta(days=1)))
    return "CLOCK"


def garbage(desk: Desk) -> str:
    desk.inbox.put_release(b"{}")
    return "MALFORMED"


def cut(desk: Desk) -> str:
    desk.inbox.put_release(desk.fleet.release(6, "off2").dump()[:-40])
    return "MALFORMED"


def too_large(desk: Desk) -> str:
    with (desk.config.inbox / "release.json").open("wb") as file:
        file.truncate(MAX_DROP + 1)
    return "TOO_LARGE"


def link(desk: Desk) -> str:
    (desk.config.inbox / "release.json").unlink(missing_ok=True)
    (desk.config.inbox / "release.json").symlink_to(desk.config.trust)
    return "NOT_A_FILE"


def fifo(desk: Desk) -> str:
    (desk.config.inbox / "release.json").unlink(missing_ok=True)
    os.mkfifo(desk.config.inbox / "release.json")
    return "NOT_A_FILE"


def directory(desk: Desk) -> str:
    (desk.config.inbox / "release.json").unlink(missing_ok=True)
    (desk.config.inbox / "release.json").mkdir()
    return "NOT_A_FILE"


OFFERS = [rollback, equivocation, forged, expired, of_another_site, for_others, without_our_bundle]
OFFERS += [with_another_bundle, from_the_future, garbage, cut, too_large, link, fifo, directory]


@pytest.mark.parametrize("offer", OFFERS, ids=lambda f: f.__name__)
def test_a_bad_offer_is_refused_and_the_held_release_stays(desk: Desk, offer: object) -> None:
    held_at_5(desk)
    code = offer(desk)  # type: ignore[operator]
    taken = desk.take()
    assert desk.serial(taken) == 5
    assert taken.refused is not None
    assert taken.refused.code == code
    assert (taken.news, taken.observe_only) == (False, "")
    os.rename(desk.config.inbox / "release.json", desk.config.inbox / "away")
    assert desk.take().refused is None


@pytest.mark.parametrize("offer", OFFERS[2:], ids=lambda f: f.__name__)
def test_a_bad_first_offer_leaves_nothing_held(desk: Desk, offer: object) -> None:
    offer(desk)  # type: ignore[operator]
    taken = desk.take()
    assert (taken.held, taken.observe_only) == (None, "no release is believed")
    assert taken.refused is not None


def test_an_expired_release_is_held_for_looking_only(desk: Desk) -> None:
    held_at_5(desk)
    taken = desk.take(after=timedelta(days=31))
    assert (desk.serial(taken), taken.freshness) == (5, "expired")
    assert taken.observe_only == "the release has expired"
    assert taken.refused is None, "the same release in the inbox is no attack"


def test_audit_mode_observes_only(desk: Desk) -> None:
    state = replace(desk.fleet.state("off2"), mode=Mode.AUDIT)
    desk.offer(desk.fleet.release_of(1, state))
    assert desk.take().observe_only == "audit mode"


def test_the_floor_survives_the_loss_of_the_release(desk: Desk) -> None:
    held_at_5(desk)
    (desk.config.agent_state / "release").write_bytes(b"junk")
    rollback(desk)
    taken = desk.take()
    assert taken.held is None
    assert taken.refused is not None
    assert taken.refused.code == "ROLLBACK"


def test_the_release_stands_in_for_a_lost_floor(desk: Desk) -> None:
    held_at_5(desk)
    (desk.config.agent_state / "floor").unlink()
    assert rollback(desk) == getattr(desk.take().refused, "code", None)


def test_a_kept_release_is_judged_again_by_a_new_trust_root(desk: Desk) -> None:
    held_at_5(desk)
    (desk.config.inbox / "release.json").unlink()
    desk.trust(release_keys=(("spare", SecretKey.generate().public),))
    taken = desk.take()
    assert taken.held is None
    assert taken.refused is not None
    assert "no longer believed" in taken.refused.reason


def test_what_cannot_be_kept_is_not_acted_upon(desk: Desk) -> None:
    held_at_5(desk)
    desk.offer(desk.fleet.release(6, "off2"))
    (desk.config.agent_state / "floor").unlink()
    (desk.config.agent_state / "floor").mkdir()
    state = State(desk.config.agent_state)
    state.mark = lambda: Mark()  # type: ignore[method-assign]
    taken = intake.take(desk.config, state, desk.inbox, now=desk.now, keep=True)
    assert desk.serial(taken) == 5
    assert taken.refused is not None


def test_without_a_trust_root_nothing_runs(desk: Desk) -> None:
    desk.config.trust.unlink()
    with pytest.raises(errors.AdminError, match="no such file"):
        desk.take()


def test_an_expired_trust_root_accepts_nothing_new(desk: Desk) -> None:
    held_at_5(desk)
    desk.offer(desk.fleet.release(6, "off2"))
    desk.trust(expires=datetime.fromisoformat("2020-01-01T00:00:00Z"))
    taken = desk.take()
    assert (desk.serial(taken), taken.observe_only) == (5, "the trust root has expired")
    assert taken.refused is not None
    assert taken.refused.code == "TRUST_EXPIRED"
