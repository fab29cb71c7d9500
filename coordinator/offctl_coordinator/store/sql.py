"""The store in SQL, through SQLAlchemy Core: the same in every database.

How one is opened, and what is asked of it, is said in a file for each of them.
"""

from collections.abc import Iterator
import contextlib
from datetime import UTC, datetime
import hashlib

import sqlalchemy
from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine, Row

from offctl import errors
from offctl.tables import INSTANT
from offctl.trust.release import SignedRelease
from offctl_coordinator.store.records import (
    HistoryRecord,
    ObservationRecord,
    ReleaseRecord,
    ReportRecord,
)
from offctl_coordinator.store.schema import (
    bundles,
    meta,
    observations,
    release_hosts,
    releases,
    reports,
)

# The content of older releases is of no use: nobody is served it, and git has the text.
KEPT_CONTENTS = 20
KEPT_REPORTS = 100


class SqlStore:
    """A `records.Store`. Every change is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest_release(self) -> ReleaseRecord | None:
        query = select(releases).order_by(releases.c.serial.desc()).limit(1)
        with self._transaction("read the newest release") as connection:
            row = connection.execute(query).first()
            return None if row is None else self._release(connection, row)

    def _release(self, connection: Connection, row: Row) -> ReleaseRecord:
        query = (
            select(release_hosts.c.host, bundles.c.content)
            .join(bundles, release_hosts.c.bundle_sha256 == bundles.c.sha256)
            .where(release_hosts.c.serial == row.serial)
            .order_by(release_hosts.c.host)
        )
        contents = tuple((host, content) for host, content in connection.execute(query))
        return ReleaseRecord(
            serial=row.serial,
            sha256=row.manifest_sha256,
            release=SignedRelease(row.envelope, contents),
            published=_read_time(row.published),
            operator=row.operator,
        )

    def add_release(self, record: ReleaseRecord) -> None:
        with self._transaction(f"store release {record.serial}") as connection:
            _put_release(connection, record)
            for host, content in record.release.bundles:
                sha256 = hashlib.sha256(content).hexdigest()
                _put_bundle(connection, sha256, content)
                connection.execute(
                    release_hosts.insert().values(
                        serial=record.serial, host=host, bundle_sha256=sha256
                    )
                )
            _prune_bundles(connection)

    def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        hosts = (
            select(func.count())
            .where(release_hosts.c.serial == releases.c.serial)
            .scalar_subquery()
            .label("hosts")
        )
        query = select(releases, hosts).order_by(releases.c.serial.desc()).limit(limit)
        with self._transaction("read the history") as connection:
            return tuple(
                HistoryRecord(
                    serial=row.serial,
                    sha256=row.manifest_sha256,
                    published=_read_time(row.published),
                    operator=row.operator,
                    hosts=row.hosts,
                )
                for row in connection.execute(query)
            )

    def add_report(self, record: ReportRecord) -> bool:
        newest = select(func.max(reports.c.sequence)).where(
            reports.c.host == record.host, reports.c.stream == record.stream
        )
        with self._transaction(f"store a report of {record.host}") as connection:
            known = connection.execute(newest).scalar()
            if known is not None and record.sequence <= known:
                return False
            connection.execute(
                reports.insert().values(
                    host=record.host,
                    stream=record.stream,
                    sequence=record.sequence,
                    received=record.received.strftime(INSTANT),
                    content=record.content,
                )
            )
            _prune_reports(connection, record.host)
            return True

    def newest_report(self, host: str) -> ReportRecord | None:
        query = (
            select(reports).where(reports.c.host == host).order_by(reports.c.number.desc()).limit(1)
        )
        with self._transaction(f"read the report of {host}") as connection:
            row = connection.execute(query).first()
            return None if row is None else _report(row)

    def newest_reports(self) -> tuple[ReportRecord, ...]:
        newest = select(func.max(reports.c.number)).group_by(reports.c.host)
        query = select(reports).where(reports.c.number.in_(newest)).order_by(reports.c.host)
        with self._transaction("read the reports") as connection:
            return tuple(_report(row) for row in connection.execute(query))

    def release(self, serial: int) -> ReleaseRecord | None:
        query = select(releases).where(releases.c.serial == serial)
        hosts = select(func.count()).where(release_hosts.c.serial == serial)
        with self._transaction(f"read release {serial}") as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            record = self._release(connection, row)
            whole = connection.execute(hosts).scalar() == len(record.release.bundles)
            return record if whole else None

    def keep_observation(self, record: ObservationRecord) -> None:
        with self._transaction(f"store what {record.host} observed") as connection:
            connection.execute(observations.delete().where(observations.c.host == record.host))
            connection.execute(
                observations.insert().values(
                    host=record.host,
                    sha256=record.sha256,
                    observed=record.observed.strftime(INSTANT),
                    content=record.content,
                )
            )

    def observed(self, host: str, sha256: str, at: datetime) -> bool:
        same = (observations.c.host == host, observations.c.sha256 == sha256)
        time = at.strftime(INSTANT)
        later = observations.update().where(*same, observations.c.observed < time)
        with self._transaction(f"store when {host} was observed") as connection:
            if connection.execute(select(observations.c.host).where(*same)).first() is None:
                return False
            connection.execute(later.values(observed=time))
            return True

    def observation(self, host: str) -> ObservationRecord | None:
        query = select(observations).where(observations.c.host == host)
        with self._transaction(f"read what {host} observed") as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ObservationRecord(row.host, row.sha256, _read_time(row.observed), row.content)

    def recall(self, name: str) -> str:
        query = select(meta.c.value).where(meta.c.name == name)
        with self._transaction(f"read {name}") as connection:
            return connection.execute(query).scalar() or ""

    def keep(self, name: str, text: str) -> None:
        with self._transaction(f"store {name}") as connection:
            connection.execute(meta.delete().where(meta.c.name == name))
            connection.execute(meta.insert().values(name=name, value=text))

    def close(self) -> None:
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self, doing: str) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sqlalchemy.exc.SQLAlchemyError as error:
            cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
            raise errors.AdminError(f"cannot {doing}: {cause}", code="DATABASE") from error


def _put_release(connection: Connection, record: ReleaseRecord) -> None:
    same = (releases.c.serial == record.serial, releases.c.manifest_sha256 == record.sha256)
    if connection.execute(select(releases.c.serial).where(*same)).first() is not None:
        # It is here, but was found damaged; who published it when stays as it is.
        connection.execute(releases.update().where(*same).values(envelope=record.release.envelope))
        connection.execute(release_hosts.delete().where(release_hosts.c.serial == record.serial))
        return
    connection.execute(
        releases.insert().values(
            serial=record.serial,
            manifest_sha256=record.sha256,
            envelope=record.release.envelope,
            published=record.published.strftime(INSTANT),
            operator=record.operator,
        )
    )


def _put_bundle(connection: Connection, sha256: str, content: bytes) -> None:
    row = bundles.c.sha256 == sha256
    known = connection.execute(select(bundles.c.content).where(row)).first()
    if known is None:
        connection.execute(bundles.insert().values(sha256=sha256, content=content))
    elif known.content != content:  # the disk changed it
        connection.execute(bundles.update().where(row).values(content=content))


def _prune_bundles(connection: Connection) -> None:
    kept = select(releases.c.serial).order_by(releases.c.serial.desc()).limit(KEPT_CONTENTS)
    used = select(release_hosts.c.bundle_sha256).where(
        release_hosts.c.serial.in_(kept), release_hosts.c.bundle_sha256.is_not(None)
    )
    connection.execute(bundles.delete().where(bundles.c.sha256.not_in(used)))


def _prune_reports(connection: Connection, host: str) -> None:
    kept = (
        select(reports.c.number)
        .where(reports.c.host == host)
        .order_by(reports.c.number.desc())
        .limit(KEPT_REPORTS)
    )
    connection.execute(
        reports.delete().where(reports.c.host == host, reports.c.number.not_in(kept))
    )


def _report(row: Row) -> ReportRecord:
    return ReportRecord(
        host=row.host,
        stream=row.stream,
        sequence=row.sequence,
        received=_read_time(row.received),
        content=row.content,
    )


def _read_time(text: str) -> datetime:
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)
