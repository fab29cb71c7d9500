"""From the configuration to an open store, and to the neighbours who have it too."""

from collections.abc import AsyncIterator, Callable, Iterator
import contextlib
import secrets

from offctl import errors, files
from offctl_coordinator import keyfiles
from offctl_coordinator.config import Config
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.neighbours import Neighbours
from offctl_coordinator.store import sqlite
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
    try:
        from offctl_coordinator.store import postgresql
    except ImportError as error:
        raise errors.AdminError(
            f"cannot use {database}: {error}", hint="install the package python3-psycopg2"
        ) from error
    password = keyfiles.load_password(config.password) if config.password else ""
    # A name for this run: what it says itself need not be heard.
    name = secrets.token_hex(8)

    def listening(
        coordinator: Coordinator, ended: Ended
    ) -> contextlib.AbstractAsyncContextManager[None]:
        neighbours = Neighbours(coordinator, name, lambda: postgresql.Listener(database, password))
        return neighbours.listening(ended)

    # What lies beside a database is written by one process, also where the database is elsewhere.
    with (
        files.locked(config.state / "coordinator.lock", holder="another coordinator"),
        postgresql.opened(database, password, name) as shared,
    ):
        yield shared, listening


@contextlib.asynccontextmanager
async def _nobody(_: Coordinator, __: Ended) -> AsyncIterator[None]:
    yield
