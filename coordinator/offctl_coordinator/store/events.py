"""Events in the database: each kept once, a bounded number for each host. Statements only."""

from sqlalchemy import func, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql import Select

from offctl.tables import INSTANT
from offctl_coordinator.store import putting
from offctl_coordinator.store.records import EventRecord
from offctl_coordinator.store.schema import events

# Of each host, and of the site as a whole. A quiet host has a few in a week; one that fails at the
# same step with every run fills this in a day, and the others lose nothing by it.
KEPT_EVENTS = 1000


def add(connection: Connection, records: tuple[EventRecord, ...]) -> int:
    """Insert those that are new, oldest first, and drop the oldest of their hosts."""
    added = 0
    for record in records:
        row: dict[str, object] = {
            "host": record.host,
            "digest": record.digest,
            "received": record.received.strftime(INSTANT),
            "content": record.content,
        }
        added += putting.put_new(connection, events, row)
    if added:
        for host in {record.host for record in records}:
            _prune(connection, host)
    return added


def _prune(connection: Connection, host: str) -> None:
    last = connection.execute(oldest(host)).scalar()
    if last is not None:
        connection.execute(events.delete().where(events.c.host == host, events.c.number <= last))


def oldest(host: str) -> Select:
    """The statement for the newest event of a host that is not kept any more."""
    return (
        select(events.c.number)
        .where(events.c.host == host)
        .order_by(events.c.number.desc())
        .offset(KEPT_EVENTS)
        .limit(1)
    )


def page(host: str, after: int, limit: int) -> Select:
    """The statement for one page; newest first when it is about the newest."""
    query = select(events).limit(limit)
    if host:
        query = query.where(events.c.host == host)
    if after:
        return query.where(events.c.number > after).order_by(events.c.number)
    return query.order_by(events.c.number.desc())


def newest() -> Select:
    """The statement for the number of the newest one."""
    return select(func.max(events.c.number))
