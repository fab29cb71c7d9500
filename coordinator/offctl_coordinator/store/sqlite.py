"""The SQLite file: ours and sound, made new where there is none, or a clear error.

Nothing is ever put over a file that exists. One connection does everything: several in WAL mode
can corrupt the file before SQLite 3.51.3, and with one, WAL has no advantage. So the rollback
journal it is, with synchronous=EXTRA, under which a commit survives a power cut.
"""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import sqlite3
import stat

import sqlalchemy
from sqlalchemy import event, pool
from sqlalchemy.engine import URL, Connection, Engine

from offctl import errors, files
from offctl_coordinator.store import migrating, schema
from offctl_coordinator.store.sql import SqlStore

_MAGIC = b"SQLite format 3\x00"
_JOURNAL_MODE = "delete"
_SYNCHRONOUS_EXTRA = 3


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SqlStore]:
    """Open the database at `path` for this process alone; made when there is none.

    What killed ones before it left half written beside it goes.

    Raises AdminError when the file is not a sound database of ours; with code ALREADY_RUNNING when
    another process has it.
    """
    lock = path.with_name(f"{path.name}.lock")
    with files.locked(lock, holder="another coordinator"):
        files.sweep(path.parent)
        store = SqlStore(_open(path))
        try:
            yield store
        finally:
            store.close()


def _open(path: Path) -> Engine:
    try:
        status = path.lstat()
    except FileNotFoundError:
        _make(path)
    except OSError as error:
        raise errors.AdminError(f"cannot open database {path}: {error.strerror}") from error
    else:
        _check_file(path, status)
    engine = _engine(path)
    try:
        with engine.connect() as connection:
            _check_settings(path, connection)
            _check_content(path, connection)
        with engine.begin() as connection:
            migrating.bring_up(connection, str(path))
    except sqlalchemy.exc.DatabaseError as error:
        engine.dispose()
        raise _damaged(path, str(error.orig)) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _make(path: Path) -> None:
    # Made under another name first, so that a crash leaves no half-made file that looks like an
    # emptied old one.
    new = path.with_name(f".{path.name}.new")
    files.remove(new)
    files.create(new, b"", mode=files.PRIVATE)
    engine = _engine(new)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            schema.make(connection)
    except sqlalchemy.exc.DatabaseError as error:
        raise errors.AdminError(f"cannot make database {path}: {error.orig}") from error
    finally:
        engine.dispose()
    new.rename(path)
    files.sync_directory(path.parent)


def _engine(path: Path) -> Engine:
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)),
        future=True,
        hide_parameters=True,
        poolclass=pool.StaticPool,
        connect_args={"check_same_thread": False},
    )

    def _configure(connection: sqlite3.Connection, _: object) -> None:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(f"PRAGMA journal_mode = {_JOURNAL_MODE}")
            cursor.execute(f"PRAGMA synchronous = {_SYNCHRONOUS_EXTRA}")
            cursor.execute("PRAGMA foreign_keys = ON")
        # Python's module begins transactions by itself, but not before it makes tables.
        connection.isolation_level = None

    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _check_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise errors.AdminError(
            f"cannot open database {path}: not a regular file",
            hint="set `database` in coordinator.toml to a file of its own",
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise errors.AdminError(
            f"cannot open database {path}: its mode is {stat.S_IMODE(status.st_mode):04o}, "
            "not 0600",
            hint=f"look who may have read it, then `chmod 0600 {path}`",
        )
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise errors.AdminError(f"cannot open database {path}: {error.strerror}") from error
    if magic != _MAGIC:
        raise _damaged(path, "it is empty" if not magic else "it is not an SQLite file")


def _check_settings(path: Path, connection: Connection) -> None:
    for name, expected in (
        ("journal_mode", _JOURNAL_MODE),
        ("synchronous", _SYNCHRONOUS_EXTRA),
        ("foreign_keys", 1),
    ):
        found = connection.exec_driver_sql(f"PRAGMA {name}").scalar()
        if found != expected:
            raise errors.AdminError(
                f"cannot open database {path}: {name} is {found!r}, not {expected!r}",
                hint="is another program using the file?",
            )


def _check_content(path: Path, connection: Connection) -> None:
    application = connection.exec_driver_sql("PRAGMA application_id").scalar()
    if application != schema.APPLICATION_ID:
        raise _damaged(path, "it belongs to another program")
    sound = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if sound != "ok":
        raise _damaged(path, str(sound))


def _damaged(path: Path, cause: str) -> errors.AdminError:
    return errors.AdminError(
        f"cannot open database {path}: {cause}",
        hint="put a backup in its place, or move the file away: then publish the newest release "
        "again; only history is lost",
        code="DAMAGED",
    )
