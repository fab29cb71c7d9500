"""Moving from a file to a server: one command, nothing lost, nothing put over what is there."""

from pathlib import Path

import pytest
import sqlalchemy

from coordinator.test_migrations import OLDER, check, older
from coordinator.test_program import call
from offctl import errors
from offctl.trust.release import SignedRelease
from offctl_coordinator.store import copying, postgresql, schema, sqlite
from offctl_coordinator.store.address import parse_address
from offctl_coordinator.store.records import (
    EventRecord,
    ObservationRecord,
    ReleaseRecord,
    ReportRecord,
)
from offctl_coordinator.store.sql import SqlStore
from transport.cluster import Cluster


def configured(directory: Path, database: str, state: str = ".") -> Path:
    path = directory / "coordinator.toml"
    path.write_text(f'database = "{database}"\nstate = "{state}"\n')
    return path


def copy(capsys: pytest.CaptureFixture[str], file: Path, config: Path) -> tuple[int, str, str]:
    return call(capsys, "database", "copy", str(file), "--config", str(config))


def everything(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with store.transaction("read all of it") as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    sqlalchemy.select(table).order_by(*table.primary_key.columns)
                )
            ]
            for table in schema.metadata.sorted_tables
        }


def test_all_of_it_arrives_and_the_file_stays(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    file, url = older(OLDER[-1], tmp_path), cluster.database()
    with sqlite.opened(file) as store:
        # More than are read at a time.
        for sequence in range(10, 10 + 2 * copying._CHUNK):
            host, content = f"host{sequence}", bytes(range(256))
            found = ReportRecord(host, "s", sequence, store.history(1)[0].published, content)
            store.add_report(found, lambda _: None)
        before = everything(store)
    code, out, err = copy(capsys, file, configured(tmp_path, url))
    assert (code, err) == (0, "")
    assert "releases: 2\n" in out
    assert f"reports: {2 + 2 * copying._CHUNK}\n" in out
    with sqlite.opened(file) as store:
        assert everything(store) == before
        published = store.history(1)[0].published
    with postgresql.opened(parse_address(url), "", "one") as store:
        assert everything(store) == before
        check_but_reports(store)
        # What comes next has the next number.
        assert store.add_report(ReportRecord("off1", "s", 99, published, b"next"), lambda _: None)
        assert store.add_events((EventRecord("off1", "e" * 64, published, b"next"),)) == 1
        newest = store.newest_report("off1")
        assert newest is not None
        assert newest.content == b"next"


def check_but_reports(store: SqlStore) -> None:
    assert store.rollout() == '{"serial": 2}'
    assert [entry.serial for entry in store.history(9)] == [2, 1]


def test_nothing_is_put_over_what_is_there(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    file, url = older(OLDER[-1], tmp_path), cluster.database()
    config = configured(tmp_path, url)
    assert copy(capsys, file, config)[0] == 0
    with postgresql.opened(parse_address(url), "", "one") as store:
        before = everything(store)
    code, _, err = copy(capsys, file, config)
    assert code == 2
    assert "cannot copy into a database that is not empty" in err
    assert "[NOT_EMPTY]" in err
    with postgresql.opened(parse_address(url), "", "one") as store:
        assert everything(store) == before
        check(store)


def test_a_copy_that_fails_half_way_leaves_an_empty_database(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, url = older(OLDER[-1], tmp_path), parse_address(cluster.database())

    def fail(*_: object) -> None:
        raise errors.AdminError("cannot go on")

    monkeypatch.setattr(copying, "_compare", fail)
    with sqlite.opened(file) as source, postgresql.opened(url, "", "copy") as target:
        with pytest.raises(errors.AdminError, match="cannot go on"):
            copying.copy(source, target)
        assert target.newest_release() is None
        assert target.rollout() == ""
        monkeypatch.undo()
        copying.copy(source, target)
        check(target)


def test_what_cannot_be_copied_is_said(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    file, url = older(OLDER[-1], tmp_path), cluster.database()
    (tmp_path / "elsewhere").mkdir()
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "coordinator.toml").write_text('database = "coordinator.db"\n')
    cases = {
        "names no server": (file, alone / "coordinator.toml"),
        "not its directory": (file, configured(tmp_path / "elsewhere", url)),
        "no such file": (tmp_path / "missing.db", configured(tmp_path, url)),
    }
    for cause, (source, config) in cases.items():
        code, out, err = copy(capsys, source, config)
        assert (code, out) == (2, "")
        assert cause in err
    with sqlite.opened(file):
        code, _, err = copy(capsys, file, configured(tmp_path, url))
        assert code == 2
        assert "another coordinator is running already" in err
    assert not (tmp_path / "missing.db").exists()


HOSTS = ("Beta", "alpha", "off-1", "off1", "off_1", "OFF2", "off10", "off2")


def test_the_order_of_a_language_at_the_server_changes_nothing(
    tmp_path: Path,
    cluster: Cluster,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copying, "_CHUNK", 3)
    file = older(OLDER[-1], tmp_path)
    # Built in, so that it needs no locale of the system.
    url = cluster.database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
    sorted_there = cluster.sql(
        url, "SELECT x FROM (VALUES ('Beta'), ('alpha'), ('off_1'), ('off1')) v (x) ORDER BY x"
    )
    assert sorted_there.split() != sorted(sorted_there.split())
    with sqlite.opened(file) as store:
        noon = store.history(1)[0].published
        store.note_contacts(dict.fromkeys(HOSTS, noon))
        for host in HOSTS:
            store.keep_observation(ObservationRecord(host, "a" * 64, noon, host.encode()))
        bundles = tuple((host, host.encode()) for host in sorted(HOSTS))
        for serial in (3, 4):
            release = SignedRelease(b"envelope", bundles)
            store.add_release(ReleaseRecord(serial, f"{serial:064}", release, noon, "desk"))
        before = everything(store)
    code, _, err = copy(capsys, file, configured(tmp_path, url))
    assert (code, err) == (0, "")
    with postgresql.opened(parse_address(url), "", "one") as store:
        found = everything(store)
    assert {name: sorted(map(repr, rows)) for name, rows in found.items()} == {
        name: sorted(map(repr, rows)) for name, rows in before.items()
    }
