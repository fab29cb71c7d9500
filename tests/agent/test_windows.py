"""Restart windows by the wall clock of their zone: midnight, summer time, zones nobody knows."""

from datetime import datetime

import pytest

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


def test_one_open_window_is_enough_and_none_is_never() -> None:
    noon = datetime.fromisoformat("2026-03-07T12:00Z")
    closed, opened = window("sun 01:00-02:00 UTC"), window("sat 11:00-13:00 UTC")
    assert windows.is_open([closed, opened], noon)
    assert not windows.is_open([closed], noon)
    assert not windows.is_open([], noon)
