"""Spans of time as people write them: `90s`, `10min`, `2h`, `3d`."""

from datetime import timedelta
import re

from offctl import errors

SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,5})(?P<unit>s|min|h|d)")
MOST = timedelta(days=366)

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


def parse(text: str) -> timedelta:
    """Read a span; raises MalformedError for another form and for more than a year."""
    match = SPAN.fullmatch(text)
    if match is None:
        raise errors.MalformedError(
            f"cannot use span {text[:40]!r}: not of the form 90s, 10min, 2h or 3d"
        )
    span = timedelta(seconds=int(match["count"]) * _UNITS[match["unit"]])
    if span > MOST:
        raise errors.MalformedError(f"cannot use span {text!r}: longer than {MOST.days} days")
    return span


def text(span: timedelta) -> str:
    """A span in its largest unit that divides it, as `parse` reads it."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in _UNITS.items():
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return "0s"
