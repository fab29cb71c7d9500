"""A server over TCP: its certificate is checked, and the password shows nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass
import logging
from pathlib import Path

import pytest

from offctl import certificates, errors
from offctl_coordinator import config as configs
from offctl_coordinator import opening
from offctl_coordinator.store.records import Store
from transport import cluster as clusters
from transport.cluster import Cluster

PASSWORD = "tr0ub4dor-and-3"


@dataclass
class Locked:
    """A server that lets nobody in without TLS and its password."""

    cluster: Cluster
    port: int
    certificate: str


@pytest.fixture(scope="module")
def locked() -> Iterator[Locked]:
    certificate, key = certificates.generate("database", dns_name="localhost")
    with clusters.running() as cluster:
        port = cluster.over_tcp(certificate, key, PASSWORD)
        yield Locked(cluster, port, certificate)


def config(directory: Path, at: Locked, host: str, pin: str, password: str) -> configs.Config:
    name = at.cluster.database().partition("?")[0].rpartition("/")[2]
    files = {"database.pem": pin, "password": password + "\n"}
    for file, content in files.items():
        (directory / file).write_text(content)
        (directory / file).chmod(0o600)
    path = directory / "coordinator.toml"
    path.write_text(
        f'database = "postgresql://locked@{host}:{at.port}/{name}?sslmode=verify-full'
        f'&sslrootcert={directory}/database.pem"\n'
        'state = "."\ndatabase_password = "password"\n'
    )
    return configs.load(path)


def encrypted(store: Store) -> str:
    query = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    with store._engine.connect() as connection:  # type: ignore[attr-defined]
        return str(connection.exec_driver_sql(query).scalar())


def test_the_right_server_and_the_right_password(
    tmp_path: Path, locked: Locked, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with opening.opened(config(tmp_path, locked, "localhost", locked.certificate, PASSWORD)) as (
        store,
        _,
    ):
        assert store.newest_release() is None
        assert encrypted(store) == "True"
        assert PASSWORD not in repr(store._engine)  # type: ignore[attr-defined]
        assert PASSWORD not in repr(store._engine.url)  # type: ignore[attr-defined]
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    ("host", "right", "password", "cause"),
    [
        ("localhost", False, PASSWORD, "certificate verify failed"),
        ("127.0.0.1", True, PASSWORD, "does not match host name"),
        ("localhost", True, "wrong-" + PASSWORD, "password authentication failed"),
    ],
)
def test_another_server_or_password_is_refused_and_nothing_is_told(
    tmp_path: Path, locked: Locked, host: str, right: bool, password: str, cause: str
) -> None:
    pin = locked.certificate if right else certificates.generate("x", dns_name="localhost")[0]
    found = config(tmp_path, locked, host, pin, password)
    with pytest.raises(errors.UnreachableError, match=cause) as refused, opening.opened(found):
        pass
    error: BaseException | None = refused.value
    while error is not None:
        assert password not in f"{error} {error!r} {getattr(error, 'hint', '')}"
        error = error.__cause__ or error.__context__


def test_a_server_without_tls_is_not_spoken_with(tmp_path: Path, locked: Locked) -> None:
    found = config(tmp_path, locked, "localhost", locked.certificate, PASSWORD)
    conf = locked.cluster.data / "postgresql.conf"
    text = conf.read_text()
    conf.write_text(text + "ssl = off\n")
    locked.cluster.stop()
    locked.cluster.start()
    try:
        with (
            pytest.raises(errors.UnreachableError, match="server does not support SSL"),
            opening.opened(found),
        ):
            pass
    finally:
        conf.write_text(text)
        locked.cluster.stop()
        locked.cluster.start()
