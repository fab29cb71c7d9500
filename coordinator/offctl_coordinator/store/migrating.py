"""Making a database of an earlier version one of this, whole or not at all."""

import logging
from pathlib import Path

import sqlalchemy
from sqlalchemy.engine import Connection

from offctl import errors
from offctl_coordinator.store import schema

logger = logging.getLogger(__name__)

_FIRST = "1"


def bring_up(connection: Connection, what: str) -> None:
    """Within the transaction of `connection`; `what` names the database.

    Raises AdminError when it is of a version that this program does not know.
    """
    found = schema.version(connection)
    if found == str(schema.VERSION):
        return
    if not found.isdecimal() or not 0 < int(found) < schema.VERSION:
        raise errors.AdminError(
            f"cannot open database {what}: its schema is {found!r}, this program knows "
            f"{schema.VERSION}",
            hint="run the version of offctl that made it, or a newer one",
            code="SCHEMA",
        )
    _upgrade(connection)
    logger.info("database %s: schema %s became %d", what, found, schema.VERSION)


def _upgrade(connection: Connection) -> None:
    # Needed once in the life of a database, and long to load.
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Alembic reads `%` in it as its own.
    place = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", place)
    config.attributes["connection"] = connection
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")
