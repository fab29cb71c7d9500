"""The table of spells: for how long each host has been right with a release."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from offctl_coordinator.store import putting
from offctl_coordinator.store.records import SpellChange, SpellRecord
from offctl_coordinator.store.schema import spells

# A soak is not longer for being asked at the wrong part of a second.
_INSTANT = "%Y-%m-%dT%H:%M:%S.%fZ"


def every(connection: Connection, hosts: Collection[str] | None = None) -> tuple[SpellRecord, ...]:
    """All of them, or those of `hosts`."""
    query = select(spells).order_by(spells.c.host)
    if hosts is not None:
        query = query.where(spells.c.host.in_(tuple(hosts)))
    return tuple(_record(row) for row in connection.execute(query))


def change(connection: Connection, host: str, by: SpellChange) -> SpellRecord | None:
    """Replace the spell of `host` by what `by` makes of it, with nobody else in between."""
    query = select(spells).where(spells.c.host == host).with_for_update()
    row = connection.execute(query).first()
    before = _record(row) if row else None
    after = by(before)
    if after is not None and after != before:
        putting.put(connection, spells, [_values(after)])
    elif after is None and before is not None:
        connection.execute(spells.delete().where(spells.c.host == host))
    return after


def clear(connection: Connection) -> None:
    """They are about a release; with another one they begin anew."""
    connection.execute(spells.delete())


def _values(record: SpellRecord) -> dict[str, object]:
    return {
        "host": record.host,
        "sha256": record.sha256,
        "since": record.since.astimezone(UTC).strftime(_INSTANT),
        "last": record.last.astimezone(UTC).strftime(_INSTANT),
        "gap": int(record.gap.total_seconds()),
    }


def _record(row: Row) -> SpellRecord:
    return SpellRecord(
        host=row.host,
        sha256=row.sha256,
        since=_read(row.since),
        last=_read(row.last),
        gap=timedelta(seconds=row.gap),
    )


def _read(text: str) -> datetime:
    return datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
