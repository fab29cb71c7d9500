"""A soak is an unbroken row of good reports, by a clock that goes on."""

from datetime import UTC, datetime, timedelta

from offctl_coordinator.rollout import Spell

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_a_clock_that_jumps_breaks_a_soak_and_holds_none_up_for_years() -> None:
    gap, decade = timedelta(minutes=3), timedelta(days=3653)
    spell = Spell(NOON, NOON, gap)
    assert not spell.broken(NOON + gap)
    assert not spell.broken(NOON - gap)
    assert spell.broken(NOON + decade)
    assert spell.broken(NOON - decade)
