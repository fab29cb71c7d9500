"""Restart windows: whether one is open at a given moment, and when the next one is. Pure.

Windows are read off the wall clock of their zone. When clocks go forward, the hour that is skipped
opens nothing; when they go back, the hour that comes twice counts twice.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
import itertools
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offctl.desired import names
from offctl.desired.model import Window
from offctl.tables import INSTANT

# Days: a window opens at least once a week, unless its hour is skipped; then a week later.
_AHEAD = 16
# Minutes: further than any clock jumps.
_JUMP = 180


def is_open(windows: Iterable[Window], now: datetime) -> bool:
    """Whether `now` (any zone) lies in one of the windows, by the wall clock of its zone."""
    return any(_is_open(window, now) for window in windows)


def why_closed(windows: Iterable[Window], now: datetime) -> str:
    """Empty when one is open; else what is waited for, in words."""
    given = tuple(windows)
    if is_open(given, now):
        return ""
    if not given:
        return "waits for an operator: it has no restart window"
    unknown = sorted({window.zone for window in given if _zone(window) is None})
    opening = min(_openings(given, now), default=None)
    if opening is None:
        zones = f"this host does not know the time zone {unknown[0]}" if unknown else "none opens"
        return f"waits for its restart window, but {zones}"
    texts = "; ".join(names.window_text(window) for window in given)
    return f"waits for its restart window ({texts}), next {opening.strftime(INSTANT)}"


def _openings(windows: Iterable[Window], now: datetime) -> Iterator[datetime]:
    """For each window the next minute in which it is open; nothing for one that never is."""
    for window in windows:
        zone = _zone(window)
        if zone is None:
            continue
        today = now.astimezone(zone).date()
        days = (today + timedelta(days=ahead) for ahead in range(-1, _AHEAD))
        wanted = (day for day in days if day.weekday() in window.days)
        found = (minute for day in wanted for minute in _around(window, day, zone))
        yield from itertools.islice((m for m in found if m > now and _is_open(window, m)), 1)


def _around(window: Window, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """The minutes in which a window may open on `day`: at its start, or where clocks jump."""
    start = datetime.combine(day, time(*divmod(window.start, 60)), zone).astimezone(UTC)
    yield from (start + timedelta(minutes=number) for number in range(-_JUMP, _JUMP))


def _zone(window: Window) -> ZoneInfo | None:
    try:
        return ZoneInfo(window.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _is_open(window: Window, now: datetime) -> bool:
    zone = _zone(window)
    if zone is None:
        return False  # a zone this host does not know never opens
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    if window.start <= window.end:
        return local.weekday() in window.days and window.start <= minute < window.end
    yesterday = (local - timedelta(days=1)).weekday()
    return (local.weekday() in window.days and minute >= window.start) or (
        yesterday in window.days and minute < window.end
    )
