"""The serving program: put together, run until a signal, reload the trust root on SIGHUP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
import contextlib
import dataclasses
from datetime import UTC, datetime
import logging
import signal

from offctl import errors, heartbeat, service
from offctl.messages import Message
from offctl.service import Manager
from offctl_coordinator import keyfiles, metrics, opening, scraping, server
from offctl_coordinator.config import Config
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.roster import Snapshot

# Whoever asks for metrics while the loop is busy for longer gets none this time.
SCRAPE_SECONDS = 5.0

logger = logging.getLogger(__name__)


async def run(
    config: Config, ready: Callable[[str, str], None], environment: Mapping[str, str]
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the site and the address once it serves.

    `environment` is the process's: what systemd says in it.
    """
    config = with_credentials(config, environment)
    manager = service.manager(environment)
    lasting = Lasting(config.state)
    trust = lasting.in_force(keyfiles.load_trust(config))
    server_keys = keyfiles.load_server_keys(config, trust)
    timestamp_key = keyfiles.load_timestamp_key(config, trust)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with opening.opened(config) as (store, listening):
        coordinator = Coordinator(store, trust, timestamp_key, lambda: datetime.now(UTC), lasting)
        try:
            await coordinator.start()
            reloads = _Reloads(config, coordinator, lasting, manager)
            loop.add_signal_handler(signal.SIGHUP, reloads.begin)
            runtime = service.runtime(environment)
            counting = metrics.Metrics(_asking(loop, coordinator))
            async with (
                listening(coordinator, stopping.set),
                server.serving(
                    *(coordinator, server_keys, config.listen),
                    runtime=runtime,
                    counting=counting,
                ) as address,
                _scraped(config, counting),
            ):
                ready(coordinator.site, address)
                manager.status(f"serving {coordinator.site} on {address}")
                manager.ready()
                async with heartbeat.beating(manager):
                    await stopping.wait()
                manager.stopping()
            await reloads.finish()
        finally:
            coordinator.close()


def _asking(loop: asyncio.AbstractEventLoop, coordinator: Coordinator) -> Callable[[], Snapshot]:
    """For other threads: what the coordinator knows is its event loop's alone."""

    async def snapshot() -> Snapshot:
        return coordinator.snapshot()

    return lambda: asyncio.run_coroutine_threadsafe(snapshot(), loop).result(SCRAPE_SECONDS)


@contextlib.asynccontextmanager
async def _scraped(config: Config, counting: metrics.Metrics) -> AsyncIterator[None]:
    if not config.metrics:
        yield
        return
    with scraping.listening(config.metrics, counting.registry) as address:
        logger.info("metrics at http://%s%s", address, scraping.PATH)
        yield


def with_credentials(config: Config, environment: Mapping[str, str]) -> Config:
    """The same, with the copies of secret files that systemd made for us."""
    return dataclasses.replace(
        config,
        certificate_key=service.credential(config.certificate_key, environment),
        timestamp_key=service.credential(config.timestamp_key, environment),
        password=config.password and service.credential(config.password, environment),
    )


class _Reloads:
    """Reloads of the trust root, one after the other; a bad one changes nothing."""

    def __init__(
        self, config: Config, coordinator: Coordinator, lasting: Lasting, manager: Manager
    ) -> None:
        self._config = config
        self._lasting = lasting
        self._coordinator = coordinator
        self._manager = manager
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _reload(self) -> None:
        self._manager.reloading()
        try:
            trust = self._lasting.in_force(keyfiles.load_trust(self._config))
            keyfiles.load_server_keys(self._config, trust)
            timestamp_key = keyfiles.load_timestamp_key(self._config, trust)
            trust = await self._coordinator.reload(trust, timestamp_key)
        except errors.OffctlError as error:
            # The operator who sent the signal reads the log; the old trust root stays in force.
            logger.error(  # noqa: TRY400
                "trust root not reloaded [%s]: %s",
                *(error.code, error),
                extra=Message.NOT_RELOADED.fields(OFFCTL_CODE=error.code),
            )
        else:
            logger.info("trust root version %d in force", trust.version)
        finally:
            self._manager.ready()
