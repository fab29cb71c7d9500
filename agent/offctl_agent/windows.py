"""Restart windows: whether one is open at a given moment. Pure; the clock is an argument."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from offctl.desired.model import Window


def is_open(windows: Iterable[Window], now: datetime) -> bool:
    """Whether `now` (any zone) lies in one of the windows, by the wall clock of its zone."""
    return any(_is_open(window, now) for window in windows)


def _is_open(window: Window, now: datetime) -> bool:
    try:
        local = now.astimezone(ZoneInfo(window.zone))
    except (ZoneInfoNotFoundError, ValueError):
        return False  # a zone this host does not know never opens
    minute = local.hour * 60 + local.minute
    if window.start <= window.end:
        return local.weekday() in window.days and window.start <= minute < window.end
    yesterday = (local - timedelta(days=1)).weekday()
    return (local.weekday() in window.days and minute >= window.start) or (
        yesterday in window.days and minute < window.end
    )
