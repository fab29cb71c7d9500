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
from offctl_coordinator.store import sqlite
from offctl_coordinator.store.records import ReleaseRecord
from offctl_coordinator.store.sql import SqlStore

NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def release(serial: int, **bundles: bytes) -> ReleaseRecord:
    signed = SignedRelease(b"envelope %d" % serial, tuple(sorted(bundles.items())))
    return ReleaseRecord(serial, f"{serial:064x}", signed, NOON, "desk")


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
    change(path, "UPDATE meta SET value = '3' WHERE name = 'schema'")


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
    "newer schema": (make_newer, "its schema is '3', this program knows 2"),
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
