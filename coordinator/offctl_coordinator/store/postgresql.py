"""A PostgreSQL database: ours, made when it is empty, or a clear error; and what it says by itself.

Any number of coordinators may have it open. Each uses one connection for its store, and one more
that listens. Nothing here waits for ever: a server that is gone is noticed, and a coordinator that
was frozen within a transaction loses it.
"""

from collections.abc import Iterator
import contextlib
import functools
import logging
import os
from typing import Any

import psycopg2
import sqlalchemy
from sqlalchemy import pool
from sqlalchemy.engine import Connection, Engine

from offctl import errors
from offctl_coordinator.store import migrating, schema
from offctl_coordinator.store.address import Address
from offctl_coordinator.store.sql import SqlStore

CHANNEL = "offctl"
# For what is sent and not taken, in milliseconds; and how long a frozen coordinator keeps the lock.
_UNTAKEN = 15_000
_SESSION = " ".join(
    f"-c {setting}"
    for setting in (
        "statement_timeout=30s",
        "lock_timeout=20s",
        "idle_in_transaction_session_timeout=15s",
        "search_path=public",
        "timezone=UTC",
        "default_transaction_isolation=read\\ committed",
    )
)
# A statement or a wait that was cut short, a server that stops or is a standby: all of these pass.
_AWAY = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.InternalError,
)
_OURS = {"meta", "releases", "reports"}

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def opened(address: Address, password: str, name: str) -> Iterator[SqlStore]:
    """Open the database at `address`; `name` is told to the others with each change.

    Raises UnreachableError when it is away, AdminError when it is not sound and ours.
    """
    engine = _engine(address, password)
    try:
        _prepare(engine, address)
        yield SqlStore(engine, tell=functools.partial(_tell, name), away=_AWAY)
    finally:
        engine.dispose()


def _engine(address: Address, password: str) -> Engine:
    return sqlalchemy.create_engine(
        "postgresql+psycopg2://",
        creator=lambda: connect(address, password),
        future=True,
        hide_parameters=True,
        poolclass=pool.QueuePool,
        pool_size=1,
        max_overflow=0,
        # A server that was started anew costs no call.
        pool_pre_ping=True,
    )


def connect(address: Address, password: str) -> Any:
    """One connection of psycopg2's. Raises its OperationalError, which never has the password."""
    given = {
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "dbname": address.name,
        "password": password,
        **address.tls,
    }
    connection = psycopg2.connect(
        **{key: value for key, value in given.items() if value},
        application_name="offctl-coordinator",
        connect_timeout=5,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=_UNTAKEN,
        options=_SESSION,
    )
    # What was answered is durable, whatever is usual on this server.
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
    return connection


def _prepare(engine: Engine, address: Address) -> None:
    try:
        with engine.begin() as connection:
            # Whoever comes first makes the tables; the others wait and find them.
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({schema.APPLICATION_ID})")
            _check_server(connection, address)
            tables = set(sqlalchemy.inspect(connection).get_table_names())
            if not tables:
                schema.make(connection)
            elif not tables >= _OURS:
                raise errors.AdminError(
                    f"cannot open database {address}: it belongs to another program",
                    hint="give the coordinators an empty database of their own",
                    code="DAMAGED",
                )
            migrating.bring_up(connection, str(address))
    except _AWAY as error:
        raise unreachable(address, error.orig) from None
    except sqlalchemy.exc.DBAPIError as error:
        said = " ".join(str(error.orig).split())
        raise errors.AdminError(
            f"cannot open database {address}: {said}",
            hint="the user must be the owner of the database",
            code="DATABASE",
        ) from None


def _check_server(connection: Connection, address: Address) -> None:
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        raise errors.AdminError(
            f"cannot open database {address}: it is a standby, which takes no change",
            hint="name the server that is the primary now",
            code="DATABASE",
        )
    if connection.exec_driver_sql("SHOW fsync").scalar() != "on":
        logger.warning("database %s may lose what it has at a power cut: fsync is off", address)


def unreachable(address: Address, error: object) -> errors.UnreachableError:
    """It is away; the same may work later."""
    said = " ".join(str(error).split())
    return errors.UnreachableError(
        f"cannot reach database {address}: {said}",
        hint="is PostgreSQL running there, and does it let this user in?",
        code="DATABASE",
    )


def _tell(name: str, connection: Connection, word: str) -> None:
    # Within the transaction: whoever hears it finds what it is about, and in the order of commits.
    statement = sqlalchemy.text("SELECT pg_notify(:channel, :word)")
    connection.execute(statement, {"channel": CHANNEL, "word": f"{name} {word}"})


class Listener:
    """The second connection. Every method may block for seconds and raises UnreachableError."""

    def __init__(self, address: Address, password: str) -> None:
        self._address = address
        try:
            self._connection = connect(address, password)
            self._connection.autocommit = True
            self._ask(f"LISTEN {CHANNEL}")
            # psycopg2 closes a connection that broke, and its number may be another's at once.
            self._watched = os.dup(self._connection.fileno())
        except psycopg2.Error as error:
            raise unreachable(address, error) from None

    def fileno(self) -> int:
        """Becomes readable when there is something to `take`, until it is closed."""
        return self._watched

    def take(self) -> tuple[str, ...]:
        """What was said since the last time, after the server was asked whether it is there."""
        try:
            self._ask("SELECT 1")
            self._connection.poll()
        except psycopg2.Error as error:
            raise unreachable(self._address, error) from None
        words = tuple(str(notice.payload) for notice in self._connection.notifies)
        self._connection.notifies.clear()
        return words

    def _ask(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()
        os.close(self._watched)
