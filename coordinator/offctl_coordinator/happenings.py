"""What happened, as it is kept and told: by operators, by hosts, and to hosts. Pure.

A host tells its recent events again with every report, so each has a digest of what the host said
of it, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
import hashlib
import json

from offctl import values
from offctl.briefly import brief
from offctl.report import Event, Report, Unasked
from offctl.tables import INSTANT
from offctl_coordinator.store.records import EventRecord

# Of one event; a step that changes more is told of by its first ones.
MAX_CHANGES = 10
MAX_VALUE = 200


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened; the protocol's message Event says what each field is."""

    kind: str
    time: str
    who: str = ""
    serial: int = 0
    resource: str = ""
    action: str = ""
    origin: str = ""
    outcome: str = ""
    detail: str = ""
    milliseconds: int = 0
    changes: tuple[tuple[str, str, str], ...] = ()


def dump(happening: Happening) -> bytes:
    """As JSON, every text cut to what a person reads."""
    short = tuple((f[:MAX_VALUE], b[:MAX_VALUE], a[:MAX_VALUE]) for f, b, a in happening.changes)
    document = brief(values.dump(replace(happening, changes=short)))
    return json.dumps(document, separators=(",", ":")).encode()


def parse(content: bytes) -> Happening:
    """Read what `dump` wrote; raises MalformedError or ValueError."""
    return values.load(Happening, json.loads(content), "an event in the database")


def by_operator(kind: str, who: str, action: str, now: datetime, serial: int = 0) -> EventRecord:
    """Something an operator did to the site as a whole, or the rollout by itself."""
    found = Happening(kind, now.strftime(INSTANT), who=who, serial=serial, action=action)
    content = dump(found)
    return EventRecord("", hashlib.sha256(content).hexdigest(), now, content)


def news(report: Report, before: Report | None, now: datetime) -> tuple[EventRecord, ...]:
    """What a report tells that the one before it did not, oldest first."""
    known = frozenset() if before is None else frozenset((*before.events, *before.unasked))
    every: tuple[Event | Unasked, ...] = (*report.events, *report.unasked)
    told = [item for item in every if item not in known]
    return tuple(_records(report, told, now))


def _records(report: Report, told: list[Event | Unasked], now: datetime) -> Iterator[EventRecord]:
    found = [(item, _happening(item, report.serial)) for item in told]
    for item, happening in sorted(found, key=lambda pair: pair[1].time):
        said = json.dumps(asdict(item), sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(said.encode()).hexdigest()
        yield EventRecord(report.host, digest, now, dump(happening))


def _happening(item: Event | Unasked, serial: int) -> Happening:
    if isinstance(item, Unasked):
        return Happening(
            kind="unasked",
            time=item.time or item.found,
            who=item.who,
            serial=serial,
            resource=item.resource,
            action=item.how,
            detail=item.untold,
            changes=((item.field, item.desired, item.observed),),
        )
    return Happening(
        kind="action",
        time=item.time,
        serial=item.serial or serial,
        resource=item.resource,
        action=item.action,
        origin=item.origin,
        outcome=item.outcome,
        detail=item.detail,
        milliseconds=item.milliseconds,
        changes=tuple((d.field, d.observed, d.desired) for d in item.differences[:MAX_CHANGES]),
    )
