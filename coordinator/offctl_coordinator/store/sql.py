"""The store in SQL, through SQLAlchemy Core: the same in every database.

How one is opened, and what is asked of it, is said in a file for each of them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
import contextlib
from datetime import UTC, datetime
import hashlib

import sqlalchemy
from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.sql import Select

from offctl import errors
from offctl.tables import INSTANT
from offctl.trust.release import SignedRelease
from offctl.trust.rotation import Step
from offctl_coordinator.store import events as event_rows
from offctl_coordinator.store import putting, spells
from offctl_coordinator.store.records import (
    Added,
    Decision,
    EventRecord,
    HistoryRecord,
    ObservationRecord,
    OvertakenError,
    ReleaseRecord,
    ReportRecord,
    SpellChange,
    SpellRecord,
)
from offctl_coordinator.store.schema import (
    ROLLOUT,
    bundles,
    contacts,
    meta,
    observations,
    release_hosts,
    releases,
    reports,
    trust_roots,
)

_Errors = tuple[type[sqlalchemy.exc.DBAPIError], ...]

# The content of older releases is of no use: nobody is served it, and git has the text.
KEPT_CONTENTS = 20
KEPT_REPORTS = 100
# As many as anybody can ask for at once; how many hosts an older one had, nobody needs to know.
KEPT_RELEASES = 1000


class SqlStore:
    """A `records.Store`. Every change is one transaction.

    `tell` is called within it with a word about what changed, for whoever else has the database:
    "release", "rollout", "trust", or "report" and the host. `away` are the errors after which the
    same may work later.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        tell: Callable[[Connection, str], None] = lambda _, __: None,
        away: _Errors = (),
    ) -> None:
        self._engine = engine
        self._tell = tell
        self._away = away

    def newest_release(self) -> ReleaseRecord | None:
        query = select(releases).order_by(releases.c.serial.desc()).limit(1)
        with self.transaction("read the newest release") as connection:
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
        with self.transaction(f"store release {record.serial}") as connection:
            self.lock(connection)
            _put_release(connection, record)
            for host, content in record.release.bundles:
                sha256 = hashlib.sha256(content).hexdigest()
                _put_bundle(connection, sha256, content)
                connection.execute(
                    release_hosts.insert().values(
                        serial=record.serial, host=host, bundle_sha256=sha256
                    )
                )
            _prune_releases(connection)
            _prune_bundles(connection)
            self._tell(connection, "release")

    def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        hosts = (
            select(func.count())
            .where(release_hosts.c.serial == releases.c.serial)
            .scalar_subquery()
            .label("hosts")
        )
        query = select(releases, hosts).order_by(releases.c.serial.desc()).limit(limit)
        with self.transaction("read the history") as connection:
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

    def add_report(self, record: ReportRecord, change: SpellChange) -> Added:
        newest = select(func.max(reports.c.sequence)).where(
            reports.c.host == record.host, reports.c.stream == record.stream
        )
        values: dict[str, object] = {
            "host": record.host,
            "stream": record.stream,
            "sequence": record.sequence,
            "received": record.received.strftime(INSTANT),
            "content": record.content,
        }
        with self.transaction(f"store a report of {record.host}") as connection:
            known = connection.execute(newest).scalar()
            # A courier hands in one after the other, so the only one that another coordinator may
            # take at this moment is this one again.
            if known is not None and record.sequence <= known:
                return Added(new=False, spell=None)
            if not putting.put_new(connection, reports, values):
                return Added(new=False, spell=None)
            spell = spells.change(connection, record.host, change)
            _prune_reports(connection, record.host)
            self._tell(connection, f"report {record.host}")
            return Added(new=True, spell=spell)

    def newest_report(self, host: str) -> ReportRecord | None:
        query = (
            select(reports).where(reports.c.host == host).order_by(reports.c.number.desc()).limit(1)
        )
        with self.transaction(f"read the report of {host}") as connection:
            row = connection.execute(query).first()
            return None if row is None else _report(row)

    def newest_reports(self) -> tuple[ReportRecord, ...]:
        return self._newest_reports(select(func.max(reports.c.number)).group_by(reports.c.host))

    def newest_reports_of(self, hosts: Collection[str]) -> tuple[ReportRecord, ...]:
        newest = select(func.max(reports.c.number)).group_by(reports.c.host)
        return self._newest_reports(newest.where(reports.c.host.in_(tuple(hosts))))

    def _newest_reports(self, numbers: Select) -> tuple[ReportRecord, ...]:
        query = select(reports).where(reports.c.number.in_(numbers)).order_by(reports.c.host)
        with self.transaction("read the reports") as connection:
            return tuple(_report(row) for row in connection.execute(query))

    def spells(self, hosts: Collection[str] | None = None) -> tuple[SpellRecord, ...]:
        with self.transaction("read the spells") as connection:
            return spells.every(connection, hosts)

    def release(self, serial: int) -> ReleaseRecord | None:
        query = select(releases).where(releases.c.serial == serial)
        hosts = select(func.count()).where(release_hosts.c.serial == serial)
        with self.transaction(f"read release {serial}") as connection:
            row = connection.execute(query).first()
            if row is None:
                return None
            record = self._release(connection, row)
            whole = connection.execute(hosts).scalar() == len(record.release.bundles)
            return record if whole else None

    def keep_observation(self, record: ObservationRecord) -> None:
        with self.transaction(f"store what {record.host} observed") as connection:
            values: dict[str, object] = {
                "host": record.host,
                "sha256": record.sha256,
                "observed": record.observed.strftime(INSTANT),
                "content": record.content,
            }
            putting.put(connection, observations, [values])

    def observed(self, host: str, sha256: str, at: datetime) -> bool:
        same = (observations.c.host == host, observations.c.sha256 == sha256)
        time = at.strftime(INSTANT)
        later = observations.update().where(*same, observations.c.observed < time)
        with self.transaction(f"store when {host} was observed") as connection:
            if connection.execute(select(observations.c.host).where(*same)).first() is None:
                return False
            connection.execute(later.values(observed=time))
            return True

    def observation(self, host: str) -> ObservationRecord | None:
        query = select(observations).where(observations.c.host == host)
        with self.transaction(f"read what {host} observed") as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ObservationRecord(row.host, row.sha256, _read_time(row.observed), row.content)

    def add_events(self, records: tuple[EventRecord, ...]) -> int:
        with self.transaction("store what happened") as connection:
            # One after the other: whoever reads on from a number misses none with a lower one.
            self.lock(connection)
            return event_rows.add(connection, records)

    def events(self, host: str, after: int, limit: int) -> tuple[EventRecord, ...]:
        with self.transaction("read what happened") as connection:
            rows = connection.execute(event_rows.page(host, after, limit)).all()
        found = (
            EventRecord(*(row.host, row.digest, _read_time(row.received), row.content, row.number))
            for row in (rows if after else reversed(rows))
        )
        return tuple(found)

    def newest_event(self) -> int:
        with self.transaction("read the newest event") as connection:
            return connection.execute(event_rows.newest()).scalar() or 0

    def rollout(self) -> str:
        query = select(meta.c.value).where(meta.c.name == ROLLOUT)
        with self.transaction("read the rollout") as connection:
            return connection.execute(query).scalar() or ""

    def decide(self, decision: Decision) -> str:
        with self.transaction("decide about the rollout") as connection:
            before = self.lock(connection)
            after = decision(before, spells.every(connection))
            if after != before:
                connection.execute(meta.update().where(meta.c.name == ROLLOUT).values(value=after))
                self._tell(connection, "rollout")
            return after

    def trust_roots(self) -> tuple[Step, ...]:
        query = select(trust_roots).order_by(trust_roots.c.version)
        with self.transaction("read the trust roots") as connection:
            return tuple(Step(row.version, row.envelope) for row in connection.execute(query))

    def add_trust_root(self, step: Step) -> None:
        same = trust_roots.c.version == step.version
        row: dict[str, object] = {"version": step.version, "envelope": step.envelope}
        with self.transaction(f"store trust root {step.version}") as connection:
            if putting.put_new(connection, trust_roots, row):
                self._tell(connection, "trust")
            elif (
                connection.execute(select(trust_roots).where(same)).one().envelope != step.envelope
            ):
                raise OvertakenError(
                    f"cannot store trust root {step.version}: another one of this version was "
                    "published",
                    hint="look who published it; make a successor of that one",
                )

    def contacts(self) -> Mapping[str, datetime]:
        with self.transaction("read the contacts") as connection:
            rows = connection.execute(select(contacts))
            return {row.host: _read_time(row.contacted) for row in rows}

    def note_contacts(self, times: Mapping[str, datetime]) -> None:
        # In one order, so that two who do this never wait for each other.
        rows: list[dict[str, object]] = [
            {"host": host, "contacted": times[host].strftime(INSTANT)} for host in sorted(times)
        ]
        with self.transaction("store the contacts") as connection:
            if rows:
                putting.put(connection, contacts, rows, growing="contacted")

    def close(self) -> None:
        self._engine.dispose()

    def lock(self, connection: Connection) -> str:
        """Wait until nobody else decides or publishes; the text of the rollout."""
        query = select(meta.c.value).where(meta.c.name == ROLLOUT).with_for_update()
        return str(connection.execute(query).scalar_one())

    @contextlib.contextmanager
    def transaction(self, doing: str) -> Iterator[Connection]:
        """All of it or nothing; `doing` is what cannot be done when it fails."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sqlalchemy.exc.SQLAlchemyError as error:
            cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
            # libpq says some things in several lines.
            said = " ".join(str(cause).split())
            if isinstance(error, self._away):
                raise errors.UnreachableError(f"cannot {doing}: {said}", code="DATABASE") from None
            raise errors.AdminError(f"cannot {doing}: {said}", code="DATABASE") from error


def _put_release(connection: Connection, record: ReleaseRecord) -> None:
    same = (releases.c.serial == record.serial, releases.c.manifest_sha256 == record.sha256)
    if connection.execute(select(releases.c.serial).where(*same)).first() is not None:
        # It is here, but was found damaged; who published it when stays as it is.
        connection.execute(releases.update().where(*same).values(envelope=record.release.envelope))
        connection.execute(release_hosts.delete().where(release_hosts.c.serial == record.serial))
        return
    newest = connection.execute(select(func.max(releases.c.serial))).scalar()
    if newest is not None and record.serial <= newest:
        raise OvertakenError(
            f"cannot store release {record.serial}: release {newest} is there already",
            hint="look at `offctl history`, then sign it again with a higher serial",
        )
    spells.clear(connection)
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


def _prune_releases(connection: Connection) -> None:
    oldest = (
        select(releases.c.serial).order_by(releases.c.serial.desc()).offset(KEPT_RELEASES).limit(1)
    )
    last = connection.execute(oldest).scalar()
    if last is not None:
        connection.execute(release_hosts.delete().where(release_hosts.c.serial <= last))
        connection.execute(releases.delete().where(releases.c.serial <= last))


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
