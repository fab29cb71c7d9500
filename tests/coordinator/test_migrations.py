"""Databases of earlier versions: taken up without a loss, whole or not at all."""

from pathlib import Path
import sqlite3

from alembic import command
from alembic.autogenerate.api import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
import pytest
import sqlalchemy
from sqlalchemy.engine import Connection, Engine

from offctl import errors
from offctl_coordinator.store import migrating, postgresql, schema, sqlite
from offctl_coordinator.store.address import parse_address
from offctl_coordinator.store.records import SpellRecord
from offctl_coordinator.store.sql import SqlStore
from transport.cluster import Cluster

OLDER = sorted((Path(__file__).parent / "databases").glob("schema_*.sql"))


def scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrating.__file__).parent / "migrations"))
    return config


def older(script: Path, directory: Path, *more: str) -> Path:
    """A database file made of `script`."""
    path = directory / "coordinator.db"
    connection = sqlite3.connect(path)
    connection.executescript(script.read_text())
    for statement in more:
        connection.execute(statement)
    connection.commit()
    connection.close()
    path.chmod(0o600)
    return path


def nothing(text: str, spells: tuple[SpellRecord, ...]) -> str:
    return text or "begun"


def check(store: SqlStore) -> None:
    newest, observed = store.newest_release(), store.observation("off1")
    assert newest is not None
    assert newest.release.bundles == (("off1", b"one"), ("off2", b"two 2"))
    assert [entry.serial for entry in store.history(9)] == [2, 1]
    assert [report.content for report in store.newest_reports()] == [b"report 2"]
    assert observed is not None
    assert observed.content == b"seen"
    assert [event.content for event in store.events("", 0, 9)] == [b"event"]
    assert store.rollout() == '{"serial": 2}'
    assert store.decide(nothing) == '{"serial": 2}'


@pytest.mark.parametrize("script", OLDER, ids=lambda path: path.stem)
def test_an_older_database_is_taken_up_without_a_loss(tmp_path: Path, script: Path) -> None:
    path = older(script, tmp_path)
    for _ in range(2):
        with sqlite.opened(path) as store:
            check(store)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("missing", ["observations", "events"])
def test_tables_that_were_made_when_missing_may_be_missing(tmp_path: Path, missing: str) -> None:
    path = older(
        OLDER[0], tmp_path, f"DROP TABLE {missing}", "DELETE FROM meta WHERE name = 'rollout'"
    )
    with sqlite.opened(path) as store:
        assert store.decide(nothing) == "begun"
        assert store.observation("off3") is None
        assert store.events("off3", 0, 9) == ()


def test_a_step_that_fails_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last thing that is made is there already, so that all before it has to be undone.
    path = older(OLDER[0], tmp_path, "CREATE TABLE trust_roots (x)")
    before = dump(path)
    with pytest.raises(errors.AdminError, match="trust_roots already exists"), sqlite.opened(path):
        pass
    assert dump(path) == before


def dump(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_the_newest_revision_is_the_version_of_the_tables() -> None:
    directory = ScriptDirectory.from_config(scripts())
    assert directory.get_current_head() == str(schema.VERSION)
    assert [found.revision for found in directory.walk_revisions()] == [
        str(number) for number in range(schema.VERSION, 0, -1)
    ]


def test_there_is_a_database_of_every_earlier_version() -> None:
    assert [path.stem for path in OLDER] == [f"schema_{n}" for n in range(1, schema.VERSION)]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        return sqlite._engine(tmp_path / "coordinator.db")
    url = request.getfixturevalue("cluster").database()
    return postgresql._engine(parse_address(url), "")


def test_both_ways_to_the_tables_lead_to_the_same(engine: Engine) -> None:
    config = scripts()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert schema.version(connection) == str(schema.VERSION)
        assert compare_metadata(context(connection), schema.metadata) == []
    with engine.begin() as connection:
        migrating.bring_up(connection, "it")
    engine.dispose()


def context(connection: Connection) -> MigrationContext:
    return MigrationContext.configure(connection, opts={"compare_type": True})


def test_what_is_made_anew_is_known_to_alembic(engine: Engine) -> None:
    with engine.begin() as connection:
        schema.make(connection)
        assert context(connection).get_current_revision() == str(schema.VERSION)
        assert sqlalchemy.inspect(connection).has_table("alembic_version")
    engine.dispose()


def test_a_database_server_is_brought_up_by_whoever_comes_first(cluster: Cluster) -> None:
    url = parse_address(cluster.database())
    engine = postgresql._engine(url, "")
    config = scripts()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "1")
    engine.dispose()
    with postgresql.opened(url, "", "one") as one, postgresql.opened(url, "", "two") as two:
        assert one.decide(nothing) == two.rollout() == "begun"
