"""What happened, for people and programs. Text that came from a host is always made harmless."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from offctl.text import visible
from offctl_cli import moments
from offctl_cli.fleet import Change, Event, HistoryEntry

SCHEMA = 1
# Of one event in one line; what is left out is counted.
_MOST_CHANGES = 3


# Failed or not, wanted by the text or against what somebody changed.
_VERBS = {False: ("changed", "repaired"), True: ("FAILED to change", "FAILED to repair")}


def _failed(event: Event) -> bool:
    return event.outcome == "failed"


def line(event: Event) -> str:
    """One event in one line: when, where, who, what, from what to what, how long, how it ended."""
    where = f"{visible(event.host, 40)}: " if event.host else ""
    return f"{visible(event.time, 20)}  {where}{_words(event)}{_changes(event)}{_end(event)}"


def _words(event: Event) -> str:
    who, action = visible(event.who, 80), visible(event.action, 300)
    resource = visible(event.resource, 200)
    match event.kind:
        case "action":
            return f"{_VERBS[_failed(event)][event.origin == 'corrective']} {resource}: {action}"
        case "unasked":
            doer = f"{who} ({action})" if who else "somebody"
            return f"{doer} changed {resource}, unasked"
        case "rollout":
            return f"rollout of release {event.serial}: {action}" + (f", by {who}" if who else "")
        case _:
            return f"{who} {action}" if who else action


def _changes(event: Event) -> str:
    if not event.changes:
        return ""
    told = ", ".join(_change(*_three(each)) for each in event.changes[:_MOST_CHANGES])
    more = len(event.changes) - _MOST_CHANGES
    return f" ({told}{f' and {more} more' if more > 0 else ''})"


def _three(change: Change) -> tuple[str, str, str]:
    return change.field, change.before, change.after


def _change(field: str, before: str, after: str) -> str:
    return f"{visible(field, 80)}: {visible(before, 80)} → {visible(after, 80)}"


def _end(event: Event) -> str:
    lasted = moments.took(event.milliseconds)
    took = f" in {lasted}" if lasted else ""
    if _failed(event):
        return f"{took}: {visible(event.detail, 300)}"
    detail = f"; by whom: {visible(event.detail, 200)}" if event.kind == "unasked" else ""
    return took + (detail if event.detail else "")


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same, tried again and again: the newest of it, how often, and when it began."""

    event: Event
    times: int
    first: str


def folded(events: Iterable[Event]) -> Iterator[Repeated]:
    """Newest first; the same again without anything else in between is told once."""
    kept: Repeated | None = None
    for event in events:
        if kept is not None and _same(kept.event, event):
            kept = Repeated(kept.event, kept.times + 1, event.time)
            continue
        if kept is not None:
            yield kept
        kept = Repeated(event, 1, event.time)
    if kept is not None:
        yield kept


def _same(one: Event, other: Event) -> bool:
    return _essence(one) == _essence(other)


def _essence(event: Event) -> tuple[object, ...]:
    what = (event.kind, event.host, event.serial, event.resource, event.action, event.outcome)
    return (*what, event.who, event.detail, event.changes)


def host_lines(events: Iterable[Event], releases: Iterable[HistoryEntry]) -> Iterator[str]:
    """What one host did and what was done to it, newest first, under the release of the time."""
    known = {entry.serial: entry for entry in releases}
    serial = -1
    for item in folded(events):
        event = item.event
        if event.serial != serial:
            serial = event.serial
            yield _release(serial, known.get(serial))
        again = f"  ({item.times} times since {visible(item.first, 20)})" if item.times > 1 else ""
        yield f"  {visible(event.time, 20)}  {_words(event)}{_end(event)}{again}"
        for each in event.changes:
            yield f"      {_change(*_three(each))}"


def _release(serial: int, entry: HistoryEntry | None) -> str:
    if not serial:
        return "without a release"
    if entry is None:
        return f"release {serial}"
    when = moments.instant(entry.published)
    return f"release {serial}, published {when} by {visible(entry.operator, 80)}"


def event_json(event: Event) -> dict[str, Any]:
    """One event; described in offctl-status(7)."""
    return {"schema": SCHEMA, **asdict(event), "received": moments.instant(event.received)}
