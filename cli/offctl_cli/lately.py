"""Since when something is asked for, and who changed it lately: from releases and reports. Pure."""

from collections.abc import Callable, Iterable, Iterator

from offctl.desired import facts
from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState
from offctl.planner.ledger import Ledger
from offctl.report import Report
from offctl.tables import INSTANT
from offctl_cli.fleet import HistoryEntry

# How many releases are looked back upon: coordinators keep the content of about so many.
FAR = 20
# How many events are told of one property.
MOST = 5

StateOf = Callable[[int], DesiredState | None]


def published(
    resource: Resource, name: str, entries: Iterable[HistoryEntry], state_of: StateOf
) -> tuple[str, str]:
    """The value in the newest release, and since which release it is that; newest entry first.

    `state_of` gives what a release asked of the host, None when it is not kept or had none.
    """
    value, said = "", ""
    known = list(entries)[:FAR]
    for number, entry in enumerate(known):
        state = state_of(entry.serial)
        there = "" if state is None else facts.facts(state).get(resource, {}).get(name, "")
        if number == 0:
            value = there
        if not value or there != value:
            return value, said
        when = entry.published.strftime(INSTANT)
        said = f"since release {entry.serial}, published {when} by {entry.operator}"
    return value, f"{said}, or longer" if len(known) == FAR else said


def happened(key: str, label: str, field: str, report: Report) -> Iterator[str]:
    """What was done about a field, and what others did to it, newest last."""
    told = []
    for event in report.events:
        for item in event.differences:
            if _same(event.resource, label, key) and field in ("", item.field):
                words = f"offctl: {event.action}: {item.field}: {item.observed} → {item.desired}"
                told.append((event.time, f"{words} ({event.origin}, {event.outcome})"))
    told += [
        (change.found, f"somebody: {change.words}")
        for change in report.unasked
        if _same(change.resource, label, key) and field in ("", change.field)
    ]
    yield from (f"{time}  {words}" for time, words in sorted(told)[-MOST:])


def _same(resource: str, label: str, key: str) -> bool:
    """Labels carry names that may have changed; the key they begin with does not."""
    return resource in (label, key) or resource.startswith(f"{key} ")


def remembered(key: str, field: str, ledger: Ledger) -> str:
    """Who made it so, as far as the host remembers."""
    entry = ledger.entry(key, field)
    if entry is None:
        return ""
    return "offctl set it" if entry.ours else "it was so already when offctl came"
