"""Moments and spans as people and programs read them. Pure."""

from datetime import UTC, datetime

from offctl.tables import INSTANT

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(seconds: float) -> str:
    """How long, in one unit: `3 h`."""
    whole = max(0, int(seconds))
    for size, unit in _UNITS:
        if whole >= size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or `never`."""
    return "never" if moment is None else f"{span((now - moment).total_seconds())} ago"


def since(text: str, now: datetime) -> str:
    """How long since a moment that a host wrote; empty for what is none."""
    try:
        began = datetime.strptime(text, INSTANT).replace(tzinfo=UTC)
    except ValueError:
        return ""
    return span((now - began).total_seconds())


def took(milliseconds: int) -> str:
    """How long something took: `1.2 s`; empty when nobody said."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds else ""


def day(moment: datetime | None) -> str:
    """The day, or `never`."""
    return "never" if moment is None else moment.strftime("%Y-%m-%d")


def instant(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, for JSON."""
    return None if moment is None else moment.strftime(INSTANT)
