"""Since when something is asked for, and who changed it lately: from releases and reports. Pure."""

from collections.abc import Callable, Iterable, Iterator

from offctl.desired import facts
from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState
from offctl.planner import plan
from offctl.planner.ledger import Ledger
from offctl.report import Report
from offctl.tables import INSTANT
from offctl_cli.fleet import HistoryEntry

# How many releases are looked back upon: coordinators keep the content of about so many.
FAR = 20
# How many events are told of one property.
MOST = 5

UNREADABLE = "the newest release cannot be read here"


class NotToldError(Exception):
    """A release is not kept any more, or is not to be believed here: no error of whoever asks."""


StateOf = Callable[[int], DesiredState | None]


def published(
    resource: Resource, name: str, entries: Iterable[HistoryEntry], state_of: StateOf
) -> tuple[str, str]:
    """The value in the newest release, and since which release it is that; newest entry first.

    `state_of` gives what a release asked of the host, None when it had none; raises NotToldError.
    Where the newest one is not told there is no value, and the second says so.
    """
    value, said = "", ""
    known = list(entries)[:FAR]
    for number, entry in enumerate(known):
        try:
            state = state_of(entry.serial)
        except NotToldError:
            return value, f"{said}, or longer" if said else UNREADABLE
        there = "" if state is None else facts.facts(state).get(resource, {}).get(name, "")
        if number == 0:
            value = there
        if not value or there != value:
            return value, said
        when = entry.published.strftime(INSTANT)
        said = f"since release {entry.serial}, published {when} by {entry.operator}"
    return value, f"{said}, or longer" if len(known) == FAR else said


def happened(resource: plan.Resource, field: str, report: Report) -> Iterator[str]:
    """What was done about a field, and what others did to it, newest last."""
    told = []
    for event in report.events:
        for item in event.differences:
            if _same(event.resource, resource) and field in ("", item.field):
                words = f"offctl: {event.action}: {item.field}: {item.observed} → {item.desired}"
                told.append((event.time, f"{words} ({event.origin}, {event.outcome})"))
    told += [
        (change.found, f"somebody: {change.words}")
        for change in report.unasked
        if _same(change.resource, resource) and field in ("", change.field)
    ]
    yield from (f"{time}  {words}" for time, words in sorted(told)[-MOST:])


def _same(label: str, resource: plan.Resource) -> bool:
    """Labels end in names that may have changed; what is before them does not."""
    return label == resource.label or label.startswith(f"{resource.label} ")


def remembered(resource: plan.Resource, field: str, ledger: Ledger) -> str:
    """Who made it so, as far as the host remembers."""
    fields = ledger.fields(resource.key)
    known = [entry for name, entry in fields.items() if field in ("", name)]
    if not known:
        return ""
    ours = any(entry.ours for entry in known)
    return "offctl set it" if ours else "it was so already when offctl came"
