"""What every store must do: the same tests on SQLite and on a real PostgreSQL."""

from collections.abc import Iterator
import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
import threading
from typing import Any

import pytest
import sqlalchemy

from offctl import errors
from offctl.trust.release import SignedRelease
from offctl.trust.rotation import Step
from offctl_coordinator.store import postgresql, sql, sqlite
from offctl_coordinator.store.address import parse_address
from offctl_coordinator.store.records import (
    Added,
    ObservationRecord,
    OvertakenError,
    ReleaseRecord,
    ReportRecord,
    SpellRecord,
)
from offctl_coordinator.store.sql import SqlStore
from transport.cluster import Cluster

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)


@dataclass
class Database:
    """One database, opened as often as a test likes."""

    path: Path | None = None
    url: str = ""

    def opened(self, name: str = "one") -> AbstractContextManager[SqlStore]:
        if self.path is not None:
            return sqlite.opened(self.path)
        return postgresql.opened(parse_address(self.url), "", name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "sqlite":
        return Database(path=tmp_path / "coordinator.db")
    return Database(url=request.getfixturevalue("cluster").database())


@pytest.fixture
def shared(cluster: Cluster) -> Iterator[tuple[SqlStore, SqlStore]]:
    """Two stores of one database, as two coordinators have them."""
    url = parse_address(cluster.database())
    with postgresql.opened(url, "", "one") as one, postgresql.opened(url, "", "two") as two:
        yield one, two


def release(serial: int, **bundles: bytes) -> ReleaseRecord:
    signed = SignedRelease(b"envelope %d" % serial, tuple(sorted(bundles.items())))
    return ReleaseRecord(serial, f"{serial:064x}", signed, NOON, "desk")


def report(host: str, sequence: int, stream: str = "s") -> ReportRecord:
    return ReportRecord(host, stream, sequence, NOON, f"{host} {stream} {sequence}".encode())


def unchanged(before: SpellRecord | None) -> SpellRecord | None:
    return before


def keep(store: SqlStore, record: ReportRecord) -> bool:
    return store.add_report(record, unchanged).new


def count(store: SqlStore, table: str) -> int:
    with store._engine.connect() as connection:
        return int(
            connection.execute(sqlalchemy.text(f"SELECT count(*) FROM {table}")).scalar_one()
        )


def test_a_release_is_read_back_whole(database: Database) -> None:
    record = release(7, off1=b"one", off2=bytes(range(256)))
    with database.opened() as store:
        assert store.newest_release() is None
        store.add_release(release(3, off1=b"one"))
        store.add_release(record)
    with database.opened() as store:
        assert store.newest_release() == record
        assert store.release(7) == record
        assert store.release(5) is None
        assert [(entry.serial, entry.hosts) for entry in store.history(9)] == [(7, 2), (3, 1)]
        assert [entry.serial for entry in store.history(1)] == [7]


def test_equal_bundles_are_kept_once(database: Database) -> None:
    with database.opened() as store:
        for serial in range(1, 6):
            store.add_release(release(serial, off1=b"same", off2=b"same", off3=b"%d" % serial))
        assert count(store, "bundles") == 6


def test_old_content_goes_and_history_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "KEPT_CONTENTS", 4)
    with database.opened() as store:
        for serial in range(1, 10):
            store.add_release(release(serial, off1=b"%d" % serial, off2=b"never changes"))
        assert [entry.hosts for entry in store.history(1000)] == [2] * 9
        assert store.release(5) is None
        assert store.release(6) is not None
        assert count(store, "bundles") == 5


def test_a_serial_is_never_stored_twice(database: Database) -> None:
    with database.opened() as store:
        store.add_release(release(1, off1=b"one"))
        with pytest.raises(OvertakenError, match="cannot store release 1: release 1 is there"):
            store.add_release(replace(release(1, off1=b"two"), sha256="f" * 64))
        newest = store.newest_release()
        assert newest is not None
        assert newest.release.bundles == (("off1", b"one"),)
        assert count(store, "bundles") == 1


def test_a_serial_below_the_newest_is_never_stored(database: Database) -> None:
    with database.opened() as store:
        store.add_release(release(5, off1=b"one"))
        with pytest.raises(OvertakenError, match="release 5 is there already"):
            store.add_release(release(4, off1=b"two"))
        assert [entry.serial for entry in store.history(9)] == [5]


def test_the_same_release_again_is_harmless(database: Database) -> None:
    with database.opened() as store:
        store.add_release(release(1, off1=b"one"))
        store.add_release(release(2, off1=b"one"))
        store.add_release(replace(release(1, off1=b"one"), operator="spare"))
        assert [entry.operator for entry in store.history(9)] == ["desk", "desk"]


def test_reports_are_bounded_for_each_host(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "KEPT_REPORTS", 5)
    with database.opened() as store:
        assert keep(store, report("off2", 1))
        for sequence in range(1, 12):
            assert keep(store, report("off1", sequence))
        assert not keep(store, report("off1", 11))
        assert not keep(store, report("off1", 1))
        assert keep(store, report("off1", 1, "another stream"))
        assert store.newest_report("off1") == report("off1", 1, "another stream")
        assert store.newest_report("ovh1") is None
        assert [r.host for r in store.newest_reports()] == ["off1", "off2"]
        assert store.newest_reports_of(["off2", "ovh1"]) == (report("off2", 1),)
        assert store.newest_reports_of([]) == ()
        assert count(store, "reports") == 6


def spell(host: str, *, last: datetime = NOON, sha256: str = "a" * 64) -> SpellRecord:
    return SpellRecord(host, sha256, NOON, last, timedelta(seconds=180))


def test_a_report_changes_its_hosts_spell_and_no_other(database: Database) -> None:
    exact = NOON.replace(microsecond=123)
    with database.opened() as store:
        found = store.add_report(report("off1", 1), lambda _: spell("off1", last=exact))
        assert found == Added(new=True, spell=spell("off1", last=exact))
        store.add_report(report("off2", 1), lambda _: spell("off2"))
    with database.opened() as store:
        seen: list[SpellRecord | None] = []
        store.add_report(report("off1", 2), lambda before: seen.append(before))
        assert seen == [spell("off1", last=exact)]
        assert store.spells() == (spell("off2"),)


def test_a_report_that_is_known_changes_no_spell(database: Database) -> None:
    with database.opened() as store:
        keep(store, report("off1", 2))
        for sequence in (1, 2):
            found = store.add_report(report("off1", sequence), lambda _: spell("off1"))
            assert found == Added(new=False, spell=None)
        assert store.spells() == ()


def test_a_new_release_ends_every_spell(database: Database) -> None:
    with database.opened() as store:
        store.add_release(release(1, off1=b"one"))
        store.add_report(report("off1", 1), lambda _: spell("off1"))
        store.add_release(release(1, off1=b"one"))
        assert store.spells() == (spell("off1"),)
        store.add_release(release(2, off1=b"one"))
        assert store.spells() == ()


def test_a_decision_stands_on_what_is_kept_and_is_kept(database: Database) -> None:
    with database.opened() as store:
        assert store.rollout() == ""
        store.add_report(report("off1", 1), lambda _: spell("off1"))
        seen: list[object] = []

        def decision(text: str, spells: tuple[SpellRecord, ...]) -> str:
            seen.append((text, spells))
            return text + "x"

        assert store.decide(decision) == "x"
        assert store.decide(decision) == "xx"
        assert seen == [("", (spell("off1"),)), ("x", (spell("off1"),))]
    with database.opened() as store:
        assert store.rollout() == "xx"


def test_a_decision_that_fails_decides_nothing(database: Database) -> None:
    def decision(text: str, spells: tuple[SpellRecord, ...]) -> str:
        raise errors.RefusedError("cannot promote")

    with database.opened() as store:
        store.decide(lambda _, __: "kept")
        with pytest.raises(errors.RefusedError, match="cannot promote"):
            store.decide(decision)
        assert store.rollout() == "kept"


def test_what_was_observed_is_replaced(database: Database) -> None:
    first = ObservationRecord("off1", "a" * 64, NOON, b"one")
    second = ObservationRecord("off1", "b" * 64, NOON, b"two")
    with database.opened() as store:
        assert store.observation("off1") is None
        assert not store.observed("off1", "a" * 64, NOON)
        store.keep_observation(first)
        store.keep_observation(second)
        assert not store.observed("off1", "a" * 64, LATER)
        assert store.observed("off1", "b" * 64, LATER)
        assert store.observed("off1", "b" * 64, NOON)
    with database.opened() as store:
        assert store.observation("off1") == replace(second, observed=LATER)


def test_trust_roots_are_kept_in_order_and_never_replaced(database: Database) -> None:
    with database.opened() as store:
        for version in (3, 2):
            store.add_trust_root(Step(version, b"envelope %d" % version))
        store.add_trust_root(Step(2, b"envelope 2"))
        with pytest.raises(OvertakenError, match="cannot store trust root 2: another one"):
            store.add_trust_root(Step(2, b"another"))
    with database.opened() as store:
        assert store.trust_roots() == (Step(2, b"envelope 2"), Step(3, b"envelope 3"))


def test_contacts_only_become_later(database: Database) -> None:
    with database.opened() as store:
        store.note_contacts({})
        store.note_contacts({"off1": LATER, "off2": NOON})
        store.note_contacts({"off1": NOON, "off2": LATER, "off3": NOON})
        assert store.contacts() == {"off1": LATER, "off2": LATER, "off3": NOON}


def at_once(*calls: Any) -> list[object]:
    """What each of them gives or raises, begun at one moment."""
    barrier = threading.Barrier(len(calls))
    results: list[object] = [None] * len(calls)

    def body(number: int) -> None:
        barrier.wait(10)
        try:
            results[number] = calls[number]()
        except errors.OffctlError as error:
            results[number] = error

    threads = [threading.Thread(target=body, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


def test_of_two_who_publish_one_serial_one_wins(shared: tuple[SqlStore, SqlStore]) -> None:
    one, two = shared
    for serial in range(1, 21):
        a = release(serial, off1=b"a")
        b = replace(release(serial, off1=b"b"), sha256="f" * 64)
        results = at_once(lambda a=a: one.add_release(a), lambda b=b: two.add_release(b))
        lost = [result for result in results if isinstance(result, OvertakenError)]
        assert len(lost) == 1, results
        winner = (b, a)[results.index(lost[0])]
        assert one.newest_release() == two.newest_release() == winner


def test_of_two_who_publish_the_lower_serial_never_comes_last(
    shared: tuple[SqlStore, SqlStore],
) -> None:
    one, two = shared
    for serial in range(2, 42, 2):
        low, high = release(serial, off1=b"a"), release(serial + 1, off1=b"b")
        at_once(lambda r=low: one.add_release(r), lambda r=high: two.add_release(r))
        serials = [entry.serial for entry in one.history(1000)]
        assert serials[0] == serial + 1
    with one._engine.connect() as connection:
        query = "SELECT serial FROM releases ORDER BY xmin::text::bigint"
        written = [row[0] for row in connection.exec_driver_sql(query)]
    assert written == sorted(written)


def test_of_two_who_take_one_report_one_keeps_it(shared: tuple[SqlStore, SqlStore]) -> None:
    one, two = shared
    for sequence in range(1, 21):
        record = report("off1", sequence)
        results = at_once(lambda r=record: keep(one, r), lambda r=record: keep(two, r))
        assert sorted(results) == [False, True]  # type: ignore[type-var]
    assert count(one, "reports") == 20


def test_decisions_follow_one_another(shared: tuple[SqlStore, SqlStore]) -> None:
    def add(text: str, _: tuple[SpellRecord, ...]) -> str:
        return str(int(text or "0") + 1)

    def often(store: SqlStore) -> None:
        for _ in range(50):
            store.decide(add)

    one, two = shared
    at_once(lambda: often(one), lambda: often(two))
    assert one.rollout() == "100"


def test_whoever_listens_hears_what_is_there_already(cluster: Cluster) -> None:
    url = parse_address(cluster.database())
    with postgresql.opened(url, "", "one") as store:
        listener = postgresql.Listener(url, "")
        with contextlib.closing(listener):
            assert listener.take() == ()
            store.add_release(release(1, off1=b"one"))
            keep(store, report("off1", 1))
            keep(store, report("off1", 1))
            store.decide(lambda _, __: "x")
            store.decide(lambda text, __: text)
            with pytest.raises(OvertakenError):
                store.add_release(replace(release(1), sha256="f" * 64))
            store.add_trust_root(Step(2, b"two"))
            assert listener.take() == ("one release", "one report off1", "one rollout", "one trust")
            assert listener.take() == ()
