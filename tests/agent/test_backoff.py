"""Crash loops: less and less often, forgiven after a while, never stuck by a wrong clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from offctl_agent.backoff import KEPT, STABLE, Starts
from offctl_agent.state import State

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def looped(times: int) -> Starts:
    starts = Starts()
    for _ in range(times):
        starts.tried(110, NOW)
    return starts


@pytest.mark.parametrize(
    ("times", "minutes"), [(2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 64), (8, 64), (99, 64)]
)
def test_each_start_in_vain_doubles_the_wait(times: int, minutes: int) -> None:
    starts = looped(times)
    assert starts.wait(110, NOW + minutes * MINUTE - timedelta(seconds=1)) != ""
    assert starts.wait(110, NOW + minutes * MINUTE) == ""


def test_at_most_six_starts_in_an_hour() -> None:
    starts, count = Starts(), 0
    for second in range(3600):
        now = NOW + timedelta(seconds=second)
        if not starts.wait(110, now):
            starts.tried(110, now)
            count += 1
    assert count == 6


def test_a_first_and_a_second_start_wait_for_nothing_and_others_are_not_held() -> None:
    assert looped(0).wait(110, NOW) == ""
    assert looped(1).wait(110, NOW) == ""
    assert looped(9).wait(111, NOW) == ""


def test_the_reason_says_when_and_how_to_do_it_now() -> None:
    reason = looped(2).wait(110, NOW)
    assert "started 2 times" in reason
    assert "12:02:00 UTC" in reason
    assert "`offctl-agent apply --restart 110`" in reason


def test_running_for_a_while_is_forgiven_and_less_is_not() -> None:
    starts = looped(5)
    starts.seen([110], NOW + STABLE - timedelta(seconds=1))
    assert starts.items()
    starts.seen([110, 111], NOW + STABLE)
    assert starts.items() == ()


def test_a_clock_that_jumped_back_holds_nothing() -> None:
    starts = looped(7)
    assert starts.wait(110, NOW - MINUTE) == ""
    starts.seen([110], NOW - MINUTE)
    assert starts.items() == ()


def test_memory_is_bounded_and_kept(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.keep_starts(looped(1000))
    assert state.starts().items() == ((110, (NOW,) * KEPT),)
    assert state.starts().wait(110, NOW) != ""


@pytest.mark.parametrize("content", [b"", b"{}", b"torn"])
def test_memory_that_is_damaged_is_none(tmp_path: Path, content: bytes) -> None:
    state = State(tmp_path)
    (tmp_path / "starts").write_bytes(content)
    assert state.starts().items() == ()
    assert state.damaged
