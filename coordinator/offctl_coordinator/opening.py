"""From the configuration to an open store, and to the neighbours who have it too."""

from collections.abc import AsyncIterator, Callable, Iterator
import contextlib
import functools
import importlib
from pathlib import Path
import secrets
import types

from offctl import errors, files
from offctl_coordinator import keyfiles
from offctl_coordinator.config import Config
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.neighbours import Neighbours
from offctl_coordinator.store import copying, sqlite
from offctl_coordinator.store.address import Address
from offctl_coordinator.store.records import Store

Ended = Callable[[], None]
Listening = Callable[[Coordinator, Ended], contextlib.AbstractAsyncContextManager[None]]


@contextlib.contextmanager
def opened(config: Config) -> Iterator[tuple[Store, Listening]]:
    """The store, and a context in which a coordinator hears what others do to it."""
    if isinstance(config.database, Address):
        with _shared(config, config.database) as found:
            yield found
    else:
        with sqlite.opened(config.database) as store:
            yield store, _nobody


@contextlib.contextmanager
def _shared(config: Config, database: Address) -> Iterator[tuple[Store, Listening]]:
    postgresql, password = _driver(database), _password(config)
    # A name for this run: what it says itself need not be heard.
    name = secrets.token_hex(8)

    def listening(
        coordinator: Coordinator, ended: Ended
    ) -> contextlib.AbstractAsyncContextManager[None]:
        listen = functools.partial(postgresql.Listener, database, password)
        return Neighbours(coordinator, name, listen).listening(ended)

    # What lies beside a database is written by one process, also where the database is elsewhere.
    with (
        files.locked(config.state / "coordinator.lock", holder="another coordinator"),
        postgresql.opened(database, password, name) as store,
    ):
        yield store, listening


def copied(file: Path, config: Config) -> dict[str, int]:
    """Copy an SQLite file into the server of `config`; how many rows of each table.

    Raises AdminError, having changed nothing.
    """
    if not isinstance(config.database, Address):
        raise errors.AdminError(
            f"cannot copy {file}: `database` in coordinator.toml names no server",
            hint='set it to "postgresql://…" and `state` to the directory of the file first',
        )
    if config.state.resolve() != file.resolve().parent:
        raise errors.AdminError(
            f"cannot copy {file}: `state` is {config.state}, not its directory",
            hint="the trust roots and the floor that must outlast a database lie beside it",
        )
    if not file.exists():
        raise errors.AdminError(f"cannot copy {file}: no such file")
    postgresql = _driver(config.database)
    with (
        files.locked(config.state / "coordinator.lock", holder="another coordinator"),
        sqlite.opened(file) as source,
        postgresql.opened(config.database, _password(config), "copy") as target,
    ):
        return copying.copy(source, target)


def _driver(database: Address) -> types.ModuleType:
    # Whoever has one coordinator needs no driver.
    try:
        return importlib.import_module("offctl_coordinator.store.postgresql")
    except ImportError as error:
        raise errors.AdminError(
            f"cannot use {database}: {error}", hint="install the package python3-psycopg2"
        ) from error


def _password(config: Config) -> str:
    return keyfiles.load_password(config.password) if config.password else ""


@contextlib.asynccontextmanager
async def _nobody(_: Coordinator, __: Ended) -> AsyncIterator[None]:
    yield
