"""How long the courier waits: bounded for every number of failures and every chance."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from offctl_courier import waiting

CHANCES = st.floats(min_value=0, max_value=1, exclude_max=True)
INTERVALS = st.integers(min_value=1, max_value=86_400)


@given(INTERVALS, CHANCES)
def test_polls_are_spread_by_a_fifth(seconds: int, chance: float) -> None:
    assert 0.8 * seconds <= waiting.interval(seconds, lambda: chance) <= 1.2 * seconds


@given(st.integers(min_value=1, max_value=10**9), INTERVALS, CHANCES)
def test_a_back_off_is_never_nothing_and_never_reaches_silence(
    failures: int, seconds: int, chance: float
) -> None:
    found = waiting.back_off(failures, seconds, lambda: chance)
    assert 0.05 <= found <= min(300, 2 * seconds)


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(1, 6), (2, 12), (3, 24), (4, 48), (5, 96), (6, 120), (7, 120), (99, 120)],
)
def test_it_doubles_up_to_two_intervals(failures: int, expected: float) -> None:
    longest = waiting.back_off(failures, 60, lambda: 0.999999)
    shortest = waiting.back_off(failures, 60, lambda: 0.0)
    assert longest == pytest.approx(expected, rel=1e-3)
    assert shortest == pytest.approx(expected / 2)
