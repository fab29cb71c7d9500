"""From one database to another that is empty: everything or nothing, and compared afterwards."""

from collections.abc import Iterator
import itertools

import sqlalchemy
from sqlalchemy import Column, String, Table, func, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql import ColumnElement

from offctl import errors
from offctl_coordinator.store import schema
from offctl_coordinator.store.schema import meta
from offctl_coordinator.store.sql import SqlStore

# Observations are large; so many rows are in memory at once.
_CHUNK = 50


def copy(source: SqlStore, target: SqlStore) -> dict[str, int]:
    """How many rows of each table were copied. Raises AdminError, having changed nothing."""
    copied = {}
    with source.transaction("read the database") as old, target.transaction("copy it") as new:
        target.lock(new)
        tables = [table for table in schema.metadata.sorted_tables if table is not meta]
        _check_empty(new, tables)
        for table in tables:
            copied[table.name] = _copy(table, old, new)
        rollout = select(meta.c.value).where(meta.c.name == schema.ROLLOUT)
        text = old.execute(rollout).scalar_one()
        new.execute(meta.update().where(meta.c.name == schema.ROLLOUT).values(value=text))
        for table in tables:
            _compare(table, old, new)
    return copied


def _check_empty(new: Connection, tables: list[Table]) -> None:
    for table in tables:
        found = new.execute(select(func.count()).select_from(table)).scalar_one()
        if found:
            raise errors.AdminError(
                f"cannot copy into a database that is not empty: it has {found} {table.name}",
                hint="make a new database; nothing is put over what is there",
                code="NOT_EMPTY",
            )


def _rows(table: Table, connection: Connection) -> Iterator[Row]:
    # By each one's key, so that no statement stays open, however large the table is.
    keys = [_ordered(key, connection) for key in table.primary_key]
    after: tuple[object, ...] | None = None
    while True:
        query = select(table).order_by(*keys).limit(_CHUNK)
        if after is not None:
            # The first one alone too: that one has an index, whatever order the others are in.
            query = query.where(
                keys[0] >= after[0], sqlalchemy.tuple_(*keys) > sqlalchemy.tuple_(*after)
            )
        rows = connection.execute(query).all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        after = tuple(getattr(rows[-1], key.name) for key in table.primary_key)


def _ordered(key: Column, connection: Connection) -> ColumnElement:
    """Text by its bytes, as in SQLite: a server may have been made with a language's order."""
    if connection.dialect.name == "postgresql" and isinstance(key.type, String):
        return key.collate("C")
    return key


def _copy(table: Table, old: Connection, new: Connection) -> int:
    count = 0
    rows = _rows(table, old)
    while chunk := [dict(row._mapping) for row in itertools.islice(rows, _CHUNK)]:  # noqa: SLF001
        new.execute(table.insert(), chunk)
        count += len(chunk)
    if "number" in table.c and new.dialect.name == "postgresql":
        # What comes next is counted on from here.
        sequence = func.pg_get_serial_sequence(table.name, "number")
        last = select(func.coalesce(func.max(table.c.number), 0) + 1).scalar_subquery()
        new.execute(select(func.setval(sequence, last, False)))
    return count


def _compare(table: Table, old: Connection, new: Connection) -> None:
    pairs = itertools.zip_longest(_rows(table, old), _rows(table, new))
    if any(
        before is None or after is None or tuple(before) != tuple(after) for before, after in pairs
    ):
        raise errors.AdminError(
            f"cannot copy the database: {table.name} did not arrive as they were", code="DATABASE"
        )
