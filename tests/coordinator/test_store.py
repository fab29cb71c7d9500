"""The database file: sound and ours, or a clear error; what it keeps and what it lets go."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
import os
from pathlib import Path
import sqlite3

import pytest

from offctl import errors
from offctl.trust.release import SignedRelease
from offctl_coordinator.store import sql, sqlite
from offctl_coordinator.store.records import ReleaseRecord, ReportRecord
from offctl_coordinator.store.sql import SqlStore

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def release(serial: int, **bundles: bytes) -> ReleaseRecord:
    signed = SignedRelease(b"envelope %d" % serial, tuple(sorted(bundles.items())))
    return ReleaseRecord(serial, f"{serial:064x}", signed, NOON, "desk")


def report(host: str, sequence: int, stream: str = "s") -> ReportRecord:
    return ReportRecord(host, stream, sequence, NOON, f"{host} {stream} {sequence}".encode())


def fill(path: Path) -> None:
    with sqlite.opened(path) as store:
        store.add_release(release(1, off1=b"one"))


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_new_database_is_private_durable_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    fill(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]
    assert [name for name in os.listdir(tmp_path) if name.endswith(".new")] == []


def test_a_release_is_read_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    record = release(7, off1=b"one", off2=b"two")
    with sqlite.opened(path) as store:
        assert store.newest_release() is None
        store.add_release(release(3, off1=b"one"))
        store.add_release(record)
    with sqlite.opened(path) as store:
        assert store.newest_release() == record
        assert [(entry.serial, entry.hosts) for entry in store.history(9)] == [(7, 2), (3, 1)]
        assert [entry.serial for entry in store.history(1)] == [7]


def test_equal_bundles_are_kept_once(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    with sqlite.opened(path) as store:
        for serial in range(1, 6):
            store.add_release(release(serial, off1=b"same", off2=b"same", off3=b"%d" % serial))
    assert rows(path, "SELECT count(*) FROM bundles") == [(6,)]


def test_old_content_goes_and_history_stays(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    last = sql.KEPT_CONTENTS + 5
    with sqlite.opened(path) as store:
        for serial in range(1, last + 1):
            store.add_release(release(serial, off1=b"%d" % serial, off2=b"never changes"))
        assert len(store.history(1000)) == last
        assert store.history(1000)[-1].hosts == 2
    assert rows(path, "SELECT count(*) FROM bundles") == [(sql.KEPT_CONTENTS + 1,)]


def test_a_serial_is_never_stored_twice(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    with sqlite.opened(path) as store:
        store.add_release(release(1, off1=b"one"))
        with pytest.raises(errors.AdminError, match="cannot store release 1"):
            store.add_release(replace(release(1, off1=b"two"), sha256="f" * 64))
        newest = store.newest_release()
        assert newest is not None
        assert newest.release.bundles == (("off1", b"one"),)
    assert rows(path, "SELECT count(*) FROM bundles") == [(1,)]


def test_reports_are_bounded_for_each_host(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    last = sql.KEPT_REPORTS + 10
    with sqlite.opened(path) as store:
        assert store.add_report(report("off2", 1))
        for sequence in range(1, last + 1):
            assert store.add_report(report("off1", sequence))
        assert not store.add_report(report("off1", last))
        assert not store.add_report(report("off1", 1))
        assert store.newest_report("off1") == report("off1", last)
        assert store.newest_report("ovh1") is None
        assert [r.host for r in store.newest_reports()] == ["off1", "off2"]
    query = "SELECT host, count(*) FROM reports GROUP BY host ORDER BY host"
    assert rows(path, query) == [("off1", sql.KEPT_REPORTS), ("off2", 1)]


def make_directory(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path, 0o600)


def make_link(path: Path) -> None:
    fill(path.with_name("real.db"))
    path.symlink_to("real.db")


def make_garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    path.chmod(0o600)


def make_empty(path: Path) -> None:
    path.touch(0o600)


def make_truncated(path: Path) -> None:
    fill(path)
    os.truncate(path, 5000)


def make_flipped(path: Path) -> None:
    fill(path)
    content = bytearray(path.read_bytes())
    for position in range(4096, len(content), 97):
        content[position] ^= 0xFF
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    fill(path)
    change(path, "UPDATE meta SET value = '2' WHERE name = 'schema'")


def make_foreign(path: Path) -> None:
    change(path, "CREATE TABLE meta (name, value)", "INSERT INTO meta VALUES ('schema', '1')")
    path.chmod(0o600)


def make_open_to_others(path: Path) -> None:
    fill(path)
    path.chmod(0o644)


def test_a_damaged_release_is_made_whole_and_its_history_kept(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    record = release(1, off1=b"one", off2=b"two")
    with sqlite.opened(path) as store:
        store.add_release(record)
    change(
        path,
        "UPDATE bundles SET content = x'00'",
        "UPDATE releases SET envelope = x'00'",
        "DELETE FROM release_hosts WHERE host = 'off2'",
    )
    with sqlite.opened(path) as store:
        store.add_release(replace(record, operator="spare"))
        assert store.newest_release() == record


UNUSABLE: dict[str, tuple[Callable[[Path], None], str]] = {
    "directory": (make_directory, "not a regular file"),
    "fifo": (make_fifo, "not a regular file"),
    "symbolic link": (make_link, "not a regular file"),
    "garbage": (make_garbage, "not an SQLite file"),
    "empty": (make_empty, "it is empty"),
    "truncated": (make_truncated, ""),
    "flipped": (make_flipped, ""),
    "newer schema": (make_newer, "its schema is '2', this program knows 1"),
    "another program's": (make_foreign, "it belongs to another program"),
    "readable by others": (make_open_to_others, "its mode is 0644"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_not_our_sound_database_is_never_used_or_replaced(
    tmp_path: Path, case: str
) -> None:
    make, cause = UNUSABLE[case]
    path = tmp_path / "coordinator.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with (
        pytest.raises(errors.AdminError, match=f"cannot open database .*{cause}") as refused,
        sqlite.opened(path),
    ):
        pass
    assert refused.value.hint
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_crash_while_making_it_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    (tmp_path / ".coordinator.db.new").write_bytes(b"half")
    fill(tmp_path / "coordinator.db")


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.AdminError), sqlite.opened(tmp_path / "no" / "coordinator.db"):
        pass


def test_only_one_process_has_it(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    with sqlite.opened(path):
        with (
            pytest.raises(errors.AdminError, match="another coordinator is running") as refused,
            sqlite.opened(path),
        ):
            pass
        assert refused.value.code == "ALREADY_RUNNING"
    with sqlite.opened(path):
        pass


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "coordinator.db"
    with sqlite.opened(path) as store:
        store.add_release(release(1, off1=b"one"))
        limit_pages(store, 0)
        with pytest.raises(errors.AdminError, match="full"):
            store.add_release(release(2, off1=b"x" * 1_000_000))
        limit_pages(store, 100_000)
        newest = store.newest_release()
        assert newest is not None
        assert newest.serial == 1
        store.add_release(release(2, off1=b"x" * 1_000_000))


def limit_pages(store: SqlStore, more: int) -> None:
    """What SQLite says when the disk is full, without filling one."""
    with store._engine.connect() as connection:
        count = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {int(count or 0) + more}")
