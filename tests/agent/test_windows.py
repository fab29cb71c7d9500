"""Restart windows by the wall clock of their zone: midnight, summer time, zones nobody knows."""

from dataclasses import replace
from datetime import datetime, timedelta
import zoneinfo
from zoneinfo import ZoneInfo

import pytest

from offctl import errors
from offctl.desired.model import Window
from offctl.desired.names import window
from offctl_agent import windows

# 2026-03-07 is a Saturday.
CASES = [
    ("sat,sun 02:00-05:00 UTC", "2026-03-07T02:00Z", True),
    ("sat,sun 02:00-05:00 UTC", "2026-03-07T04:59Z", True),
    ("sat,sun 02:00-05:00 UTC", "2026-03-07T05:00Z", False),
    ("sat,sun 02:00-05:00 UTC", "2026-03-07T01:59Z", False),
    ("sat,sun 02:00-05:00 UTC", "2026-03-09T03:00Z", False),
    ("sat,sun 02:00-05:00 UTC", "2026-03-08T03:00+05:00", False),  # still Saturday 22:00
    ("fri 23:00-01:00 UTC", "2026-03-06T23:30Z", True),
    ("fri 23:00-01:00 UTC", "2026-03-07T00:30Z", True),
    ("fri 23:00-01:00 UTC", "2026-03-07T01:00Z", False),
    ("fri 23:00-01:00 UTC", "2026-03-06T00:30Z", False),  # the night from Thursday
    ("fri 23:00-01:00 UTC", "2026-03-07T23:30Z", False),
    ("sun 23:00-01:00 UTC", "2026-03-09T00:30Z", True),  # into Monday
    ("mon 00:00-24:00 UTC", "2026-03-09T23:59Z", True),
    ("sat 02:00-05:00 Europe/Paris", "2026-03-07T01:30Z", True),
    ("sat 02:00-05:00 Europe/Paris", "2026-03-07T04:30Z", False),
    # Clocks go forward on 2026-03-29: 02:00 to 03:00 does not exist, 03:30 is 01:30 UTC.
    ("sun 02:00-03:00 Europe/Paris", "2026-03-29T00:59Z", False),
    ("sun 02:00-03:00 Europe/Paris", "2026-03-29T01:00Z", False),
    ("sun 03:00-04:00 Europe/Paris", "2026-03-29T01:30Z", True),
    # Clocks go back on 2026-10-25: 02:30 comes twice and both are inside.
    ("sun 02:00-03:00 Europe/Paris", "2026-10-25T00:30Z", True),
    ("sun 02:00-03:00 Europe/Paris", "2026-10-25T01:30Z", True),
    ("sun 02:00-03:00 Europe/Paris", "2026-10-25T02:00Z", False),
]


@pytest.mark.parametrize(("text", "moment", "expected"), CASES)
def test_open(text: str, moment: str, *, expected: bool) -> None:
    assert windows.is_open([window(text)], datetime.fromisoformat(moment)) is expected


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "zone.tab", "Europe"])
def test_an_unknown_zone_never_opens(zone: str) -> None:
    always = Window(tuple(range(7)), 0, 1440, zone)
    assert not windows.is_open([always], datetime.fromisoformat("2026-03-07T12:00Z"))


OPENINGS = [
    # text, now, the next opening
    ("sat,sun 02:00-05:00 UTC", "2026-03-07T05:00Z", "2026-03-08T02:00:00Z"),
    ("sat,sun 02:00-05:00 UTC", "2026-03-08T05:00Z", "2026-03-14T02:00:00Z"),
    ("fri 23:00-01:00 UTC", "2026-03-07T01:00Z", "2026-03-13T23:00:00Z"),
    ("sat 02:00-05:00 Europe/Paris", "2026-03-06T12:00Z", "2026-03-07T01:00:00Z"),
    ("sat 02:00-05:00 Asia/Kathmandu", "2026-03-06T12:00Z", "2026-03-06T20:15:00Z"),
    # The whole window is skipped that night: a week later.
    ("sun 02:00-03:00 Europe/Paris", "2026-03-28T12:00Z", "2026-04-05T00:00:00Z"),
    # Its first half is skipped: it opens as the clocks jump.
    ("sun 02:30-04:00 Europe/Paris", "2026-03-28T12:00Z", "2026-03-29T01:00:00Z"),
    # The hour comes twice: it opens in the first.
    ("sun 02:00-03:00 Europe/Paris", "2026-10-24T12:00Z", "2026-10-25T00:00:00Z"),
    # Half an hour is skipped at Lord Howe Island.
    ("sun 02:15-03:00 Australia/Lord_Howe", "2026-10-03T10:00Z", "2026-10-03T15:30:00Z"),
    ("mon 00:00-24:00 UTC", "2026-03-08T12:00Z", "2026-03-09T00:00:00Z"),
]


@pytest.mark.parametrize(("text", "moment", "opening"), OPENINGS)
def test_what_waits_says_when_it_goes_on(text: str, moment: str, opening: str) -> None:
    said = windows.why_closed([window(text)], datetime.fromisoformat(moment))
    assert said == f"waits for its restart window ({text}), next {opening}"


@pytest.mark.parametrize(("text", "moment", "opening"), OPENINGS)
def test_it_opens_exactly_then(text: str, moment: str, opening: str) -> None:
    then = datetime.fromisoformat(opening)
    assert windows.is_open([window(text)], then)
    assert not windows.is_open([window(text)], then - timedelta(minutes=1))
    minute = datetime.fromisoformat(moment)
    while minute < then:
        assert not windows.is_open([window(text)], minute)
        minute += timedelta(minutes=7)


def test_the_earliest_of_several_is_told() -> None:
    given = [window("sun 03:00-04:00 UTC"), window("sat 13:00-14:00 UTC")]
    said = windows.why_closed(given, datetime.fromisoformat("2026-03-07T12:00Z"))
    assert said.endswith("next 2026-03-07T13:00:00Z")


def test_overlapping_windows_are_one() -> None:
    given = [window("sat 11:00-13:00 UTC"), window("sat 12:00-14:00 UTC")]
    assert not windows.why_closed(given, datetime.fromisoformat("2026-03-07T12:30Z"))


def test_no_window_and_an_unknown_zone_are_said() -> None:
    noon = datetime.fromisoformat("2026-03-07T12:00Z")
    assert windows.why_closed([], noon) == "waits for an operator: it has no restart window"
    said = windows.why_closed([window("sat 11:00-13:00 Mars/Olympus")], noon)
    assert said == (
        "waits for its restart window, but this host does not know the time zone Mars/Olympus"
    )


def test_without_a_zone_database_nothing_opens_and_it_says_so() -> None:
    zoneinfo.reset_tzpath(to=())
    ZoneInfo.clear_cache()
    try:
        noon = datetime.fromisoformat("2026-03-07T12:00Z")
        said = windows.why_closed([window("sat 11:00-13:00 Europe/Paris")], noon)
        assert "does not know the time zone Europe/Paris" in said
    finally:
        zoneinfo.reset_tzpath()
        ZoneInfo.clear_cache()


@pytest.mark.parametrize(
    "text",
    [
        "mon 00:00-00:00 UTC",
        "mon 05:00-05:00 UTC",
        "mon 24:00-01:00 UTC",
        "mon 24:00-24:00 UTC",
        "mon 23:00-24:01 UTC",
        "mon 25:00-26:00 UTC",
        "mon 00:60-01:00 UTC",
    ],
)
def test_a_window_that_never_opens_is_refused(text: str) -> None:
    with pytest.raises(errors.MalformedError, match="cannot use restart window"):
        window(text)


def test_one_open_window_is_enough_and_none_is_never() -> None:
    noon = datetime.fromisoformat("2026-03-07T12:00Z")
    closed, opened = window("sun 01:00-02:00 UTC"), window("sat 11:00-13:00 UTC")
    assert windows.is_open([closed, opened], noon)
    assert not windows.is_open([closed], noon)
    assert not windows.is_open([], noon)


def test_a_window_without_days_never_opens() -> None:
    empty = replace(window("sat 11:00-13:00 UTC"), days=())
    noon = datetime.fromisoformat("2026-03-07T12:00Z")
    assert windows.why_closed([empty], noon) == "waits for its restart window, but none opens"
