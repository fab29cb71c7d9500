"""The serving program: put together, run until a signal, reload the trust root on SIGHUP."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
import logging
import signal

from offctl import errors
from offctl_coordinator import keyfiles, server
from offctl_coordinator.config import Config
from offctl_coordinator.coordinator import Coordinator
from offctl_coordinator.store import sqlite

logger = logging.getLogger(__name__)


async def run(config: Config, ready: Callable[[str, str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the site and the address once it serves."""
    trust = keyfiles.load_trust(config)
    server_keys = keyfiles.load_server_keys(config, trust)
    timestamp_key = keyfiles.load_timestamp_key(config, trust)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    with sqlite.opened(config.database) as store:
        coordinator = Coordinator(store, trust, timestamp_key, lambda: datetime.now(UTC))
        try:
            await coordinator.start()
            reloads = _Reloads(config, coordinator)
            loop.add_signal_handler(signal.SIGHUP, reloads.begin)
            async with server.serving(coordinator, server_keys, config.listen) as address:
                ready(coordinator.site, address)
                await stopping.wait()
            await reloads.finish()
        finally:
            coordinator.close()


class _Reloads:
    """Reloads of the trust root, one after the other; a bad one changes nothing."""

    def __init__(self, config: Config, coordinator: Coordinator) -> None:
        self._config = config
        self._coordinator = coordinator
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        await asyncio.gather(*self._tasks)

    async def _reload(self) -> None:
        try:
            trust = keyfiles.load_trust(self._config)
            keyfiles.load_server_keys(self._config, trust)
            keyfiles.load_timestamp_key(self._config, trust)
            await self._coordinator.reload(trust)
        except errors.OffctlError as error:
            # The operator who sent the signal reads the log; the old trust root stays in force.
            logger.error("trust root not reloaded [%s]: %s", error.code, error)  # noqa: TRY400
        else:
            logger.info("trust root version %d in force", trust.version)
