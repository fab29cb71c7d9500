"""Why a release is not believed has one code each, the same in the report and in the status."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.scenario import FULL
from agent.test_long_time import CHANGED, DAY, START, Island
from offctl.desired import bundle
from offctl.desired.model import DesiredState
from offctl.status import State
from offctl.trust.manifest import Manifest
from offctl.trust.release import SignedRelease
from offctl_agent.mailbox import Inbox
from planner import case
from transport.fleet import entry

# What a text could ask for if there were such a word.
DESTRUCTIVE = (
    ('name = "zfs-hdd/off"', 'name = "zfs-hdd/off"\nstate = "absent"'),
    ('name = "zfs-hdd/off"', 'name = "zfs-hdd/off"\ndestroy = true'),
    ("id = 114", 'id = 114\nensure = "absent"'),
    ("id = 114", "id = 114\npurge = true"),
    ("[[container]]", '[[tombstone]]\nname = "zfs-hdd/off"\n\n[[container]]'),
    ("[[container]]", "[prune]\ndatasets = true\n\n[[container]]"),
)


def offer(island: Island, text: str, serial: int, **changes: object) -> None:
    """A release with something about it that is not as it must be."""
    state: DesiredState = replace(case.desired(text), pools=("zfs-hdd",))
    state = replace(state, **{k: v for k, v in changes.items() if k in ("host", "site")})  # type: ignore[arg-type]
    deliver(island, state, serial, bundle.dump(state))


def deliver(island: Island, state: DesiredState, serial: int, content: bytes) -> None:
    document = Manifest(
        state.site, serial, island.now, island.now + 30 * DAY, (entry(state, content),)
    )
    signed: SignedRelease = island.fleet.signed(document, ((state.host, content),))
    Inbox(island.config.inbox).put_release(signed.dump())


def another_key(island: Island) -> None:
    island.fleet.release_key = type(island.fleet.release_key).generate()
    offer(island, CHANGED, 3)


def later(days: int) -> Callable[[Island], None]:
    def pass_by(island: Island) -> None:
        island.now = START + timedelta(days=days)

    return pass_by


CODES: dict[str, tuple[Callable[[Island], None], State]] = {
    "STALE": (later(2), State.STALE),
    "EXPIRED": (later(31), State.EXPIRED),
    "CLOCK": (later(-10), State.REFUSED),
    "ROLLBACK": (lambda island: offer(island, CHANGED, 1), State.REFUSED),
    "EQUIVOCATION": (lambda island: offer(island, CHANGED, 2), State.REFUSED),
    "WRONG_HOST": (lambda island: offer(island, CHANGED, 3, host="off1"), State.REFUSED),
    "WRONG_SITE": (lambda island: offer(island, CHANGED, 3, site="staging"), State.REFUSED),
    "SIG_INVALID": (another_key, State.REFUSED),
}


@pytest.fixture
def island(tmp_path: Path) -> Island:
    made = Island(tmp_path)
    made.publish(1, FULL)
    made.run()
    made.publish(2, FULL)
    made.run()
    made.stamp(2, made.sha256)
    assert made.run().report.freshness == "fresh"
    return made


@pytest.mark.parametrize("code", CODES)
def test_each_has_its_own_and_changes_nothing(island: Island, code: str) -> None:
    wrong, state = CODES[code]
    before = island.containers()
    wrong(island)
    ran = island.run()
    assert island.word(ran) == (state, code)
    assert (ran.report.serial, ran.run.events) == (2, [])
    assert island.containers() == before
    said = ran.report.refused.code if ran.report.refused else ran.report.freshness.upper()
    assert said == code


@pytest.mark.parametrize(("before", "after"), DESTRUCTIVE)
def test_a_well_signed_wish_to_destroy_is_refused_as_a_whole(
    island: Island, before: str, after: str
) -> None:
    """There is no such word, and what stands beside it is not done either."""
    state = replace(case.desired(CHANGED), pools=("zfs-hdd",))
    text = bundle.dump(state).decode()
    known = island.containers()
    assert before in text
    deliver(island, state, 3, text.replace(before, after, 1).encode())
    ran = island.run()
    assert island.word(ran) == (State.REFUSED, "MALFORMED")
    assert (ran.report.serial, ran.run.events) == (2, [])
    assert island.containers() == known
