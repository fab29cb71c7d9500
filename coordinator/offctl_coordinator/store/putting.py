"""Putting rows where there may be some already, in the words that each database has for it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

_INSERT: dict[str, Any] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}

Rows = Sequence[dict[str, object]]


def put(connection: Connection, table: Table, rows: Rows, *, growing: str = "") -> None:
    """Put rows in the place of those with the same key.

    With `growing`, only where the column of that name gets larger.
    """
    insert = _INSERT[connection.dialect.name](table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: insert.excluded[c.name] for c in table.c if c.name not in keys}
    larger = insert.excluded[growing] > table.c[growing] if growing else None
    statement = insert.on_conflict_do_update(index_elements=keys, set_=others, where=larger)
    connection.execute(statement, rows)


def put_new(connection: Connection, table: Table, row: dict[str, object]) -> bool:
    """Put a row unless there is one of the same key, of whichever; False when there is."""
    insert = _INSERT[connection.dialect.name](table).values(**row)
    return bool(connection.execute(insert.on_conflict_do_nothing()).rowcount)
