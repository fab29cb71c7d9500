"""What `database` in coordinator.toml may say about a server, and that a password never shows."""

from pathlib import Path

import pytest

from offctl import errors
from offctl_coordinator import config as configs
from offctl_coordinator import keyfiles, opening
from offctl_coordinator.store.address import Address, parse_address
from transport.cluster import Cluster

SECRET = "tr0ub4dor"
TRUSTED = {
    "sslmode": "verify-full",
    "sslrootcert": "/etc/offctl/db.pem",
}
GOOD = {
    "postgresql:///offctl?host=/run/postgresql": Address("/run/postgresql", 5432, "", "offctl", {}),
    "postgresql://me@/offctl?host=/run/pg": Address("/run/pg", 5432, "me", "offctl", {}),
    "postgresql://me@127.0.0.1:5433/x": Address("127.0.0.1", 5433, "me", "x", {}),
    "postgresql://me@[::1]/x": Address("::1", 5432, "me", "x", {}),
    "postgresql://me@db.example.org/x?sslrootcert=/etc/offctl/db.pem": Address(
        "db.example.org", 5432, "me", "x", TRUSTED
    ),
    "postgresql://me@10.0.0.5/x?sslmode=verify-full": Address(
        "10.0.0.5", 5432, "me", "x", {"sslmode": "verify-full"}
    ),
}
BAD = {
    f"postgresql://me:{SECRET}@db.example.org/x": "a password stands in it",
    f"postgresql://me:{SECRET}@db.example.org:badport/x": "not of the form",
    f"postgresql://me@db.example.org/x?password={SECRET}": "a password stands in it",
    f"postgresql://me@db.example.org/x?passfile={SECRET}": "a password stands in it",
    f"mysql://me@{SECRET}/x": "does not begin with postgresql://",
    "postgresql+psycopg2://me@127.0.0.1/x": "does not begin with postgresql://",
    "postgresql://me@127.0.0.1/x#y": "has a `#`",
    "postgresql://me@127.0.0.1": "the name of the database is missing",
    "postgresql://me@127.0.0.1/x/y": "the name of the database is missing, or has other",
    "postgresql:///x": "it must name a host",
    "postgresql://me@127.0.0.1/x?host=/run": "it must name a host",
    "postgresql:///x?host=relative": "the directory of the socket",
    "postgresql://m%20e@127.0.0.1/x": "the user",
    "postgresql://me@127.0.0.1/x?options=-cfsync=off": "says 'options', which is not known",
    "postgresql://me@127.0.0.1/x?service=prod": "says 'service', which is not known",
    "postgresql://me@127.0.0.1/x?sslmode=disable&sslmode=verify-full": "says something twice",
    "postgresql://me@db.example.org/x?sslmode=require": "over a network `sslmode` is verify-full",
    "postgresql://me@db.example.org/x?sslmode=disable": "over a network `sslmode` is verify-full",
    "postgresql://me@db.example.org/x?sslmode=prefer": "over a network `sslmode` is verify-full",
    "postgresql://me@db.example.org/x?sslrootcert=relative.pem": "`sslrootcert`",
    "postgresql://me@127.0.0.1:99999/x": "not of the form",
    "postgresql://me@127.0.0.1/x?novalue": "not of the form",
}


@pytest.mark.parametrize("text", GOOD)
def test_addresses(text: str) -> None:
    assert parse_address(text) == GOOD[text]


@pytest.mark.parametrize("text", BAD)
def test_addresses_that_are_refused_and_never_quoted(text: str) -> None:
    with pytest.raises(errors.MalformedError) as refused:
        parse_address(text)
    assert BAD[text] in str(refused.value)
    assert refused.value.hint
    for said in (str(refused.value), refused.value.hint, repr(refused.value)):
        assert SECRET not in said


def config(directory: Path, *lines: str) -> configs.Config:
    path = directory / "coordinator.toml"
    path.write_text("\n".join(lines) + "\n")
    return configs.load(path)


def test_a_server_needs_a_place_for_what_must_outlast_it(tmp_path: Path) -> None:
    server = 'database = "postgresql://me@127.0.0.1/x"'
    with pytest.raises(errors.MalformedError, match="state"):
        config(tmp_path, server)
    found = config(tmp_path, server, 'state = "s"', 'database_password = "p"')
    assert (found.state, found.password) == (tmp_path / "s", tmp_path / "p")
    alone = config(tmp_path, 'database = "db/coordinator.db"')
    assert (alone.state, alone.password) == (tmp_path / "db", None)
    with pytest.raises(errors.MalformedError, match="database_password"):
        config(tmp_path, 'database_password = "p"')


@pytest.mark.parametrize("content", [b"", b"\n", b"one\ntwo\n", b"a\x00b\n"])
def test_a_password_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(errors.AdminError, match="does not have one line"):
        keyfiles.load_password(path)


def test_a_password_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(SECRET + "\n")
    path.chmod(0o640)
    with pytest.raises(errors.AdminError, match="its mode is 0640"):
        keyfiles.load_password(path)
    path.chmod(0o600)
    assert keyfiles.load_password(path) == SECRET


def refusal(found: configs.Config) -> errors.OffctlError:
    found.state.mkdir(exist_ok=True)
    with pytest.raises(errors.OffctlError) as refused, opening.opened(found):
        pass
    assert refused.value.__cause__ is None or SECRET not in repr(refused.value.__cause__)
    assert SECRET not in str(refused.value)
    return refused.value


def test_a_server_that_is_not_there_is_said_to_be_unreachable(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    found = refusal(
        config(
            tmp_path,
            f'database = "postgresql://me@/x?host={tmp_path}"',
            'state = "s"',
            'database_password = "password"',
        )
    )
    assert isinstance(found, errors.UnreachableError)
    assert f"cannot reach database postgresql://{tmp_path}:5432/x" in str(found)


def test_a_database_of_another_program_is_left_alone(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database()
    cluster.sql(url, "CREATE TABLE meta (name text, value text); CREATE TABLE users (name text)")
    found = refusal(config(tmp_path, f'database = "{url}"', 'state = "s"'))
    assert "it belongs to another program" in str(found)
    assert (
        cluster.sql(
            url, "SELECT count(*) FROM information_schema.tables " "WHERE table_schema = 'public'"
        )
        == "2"
    )


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database()
    found = config(tmp_path, f'database = "{url}"', 'state = "s"')
    found.state.mkdir()
    with opening.opened(found):
        pass
    cluster.sql(url, "UPDATE meta SET value = '99' WHERE name = 'schema'")
    assert "its schema is '99'" in str(refusal(found))


def test_two_processes_do_not_share_a_state_directory(tmp_path: Path, cluster: Cluster) -> None:
    found = config(tmp_path, f'database = "{cluster.database()}"', 'state = "s"')
    found.state.mkdir()
    with opening.opened(found):
        assert refusal(found).code == "ALREADY_RUNNING"
