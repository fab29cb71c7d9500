"""The courier's program: put together, run until a signal."""

import asyncio
from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
from datetime import UTC, datetime
import logging
import random
import signal

from offctl import errors, files, heartbeat, service
from offctl.messages import Message
from offctl.service import Manager
from offctl_agent import mailbox
from offctl_agent.config import Config
from offctl_agent.mailbox import Doorbell, Inbox, Outbox
from offctl_courier import pins
from offctl_courier.carrying import Carrier
from offctl_courier.client import GrpcCoordinator
from offctl_courier.courier import Courier, Route
from offctl_courier.delivered import Delivered

logger = logging.getLogger(__name__)


async def run(config: Config, environment: Mapping[str, str]) -> None:
    """Carry until SIGTERM or SIGINT; `environment` is the process's: what systemd says in it.

    Raises AdminError or MalformedError when it cannot begin.
    """
    key = service.credential(config.certificate_key, environment)
    config = dataclasses.replace(config, certificate_key=key)
    manager = service.manager(environment)
    signals = _signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    with prepared(config) as courier:
        manager.ready()
        async with heartbeat.beating(manager):
            await _carry(courier, config, signals, manager)
        manager.stopping()


def _signals(*numbers: signal.Signals) -> asyncio.Queue[signal.Signals]:
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    for number in numbers:
        asyncio.get_running_loop().add_signal_handler(number, signals.put_nowait, number)
    return signals


async def _carry(
    courier: Courier, config: Config, signals: asyncio.Queue[signal.Signals], manager: Manager
) -> None:
    running = asyncio.ensure_future(courier.run())
    try:
        while await _signal(running, signals) is signal.SIGHUP:
            manager.reloading()
            if _usable(config):
                # A new connection is made with what the files say now.
                await _cancelled(running)
                running = asyncio.ensure_future(courier.run())
            manager.ready()
    finally:
        await _cancelled(running)


async def _signal(
    running: asyncio.Task[None], signals: asyncio.Queue[signal.Signals]
) -> signal.Signals:
    """The next signal; raises what `running` raises."""
    waiting = asyncio.ensure_future(signals.get())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        return await waiting
    finally:
        waiting.cancel()


async def _cancelled(running: asyncio.Task[None]) -> None:
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def _usable(config: Config) -> bool:
    try:
        pins.load(config)
    except errors.OffctlError as error:
        # Whoever sent the signal reads the log; the connection there is goes on.
        logger.error(  # noqa: TRY400
            "not reloaded [%s]: %s",
            *(error.code, error),
            extra=Message.NOT_RELOADED.fields(OFFCTL_CODE=error.code),
        )
        return False
    logger.info("trust root and certificates read again")
    return True


@contextlib.contextmanager
def prepared(config: Config) -> Iterator[Courier]:
    """The only courier of this host, with its doorbell on the running event loop."""
    if not config.coordinators:
        raise errors.AdminError(
            "cannot call anybody: `coordinators` in agent.toml is empty",
            hint='write the addresses there, such as coordinators = ["off1.example.org:7643"]',
        )
    pins.load(config)  # what is wrong with them is said now
    for directory in (config.inbox, config.courier_state, config.runtime):
        files.make_directory(directory)
    lock = config.courier_state / "courier.lock"
    with files.locked(lock, holder="another courier"):
        for directory in (config.inbox, config.courier_state):
            files.sweep(directory)
        inbox = Inbox(config.inbox)
        carrier = Carrier(
            config.host,
            inbox,
            Outbox(config.outbox, config.runtime),
            Delivered(config.courier_state / "delivered.json"),
            mailbox.agent_bell(config.runtime),
            # Read each time: the agent puts a successor in its place.
            lambda: pins.load(config).trust_version,
        )
        route = Route(
            config.coordinators,
            # Read again for each connection: a newer trust root needs no restart.
            lambda address: GrpcCoordinator(address, pins.load(config)),
            config.interval,
        )
        courier = Courier(
            route, carrier, inbox, clock=lambda: datetime.now(UTC), random=random.random
        )
        with _listening(config, courier):
            yield courier


@contextlib.contextmanager
def _listening(config: Config, courier: Courier) -> Iterator[None]:
    bell = Doorbell(mailbox.courier_bell(config.runtime))
    loop = asyncio.get_running_loop()

    def rung() -> None:
        bell.clear()
        courier.ring()

    loop.add_reader(bell.fileno(), rung)
    try:
        yield
    finally:
        loop.remove_reader(bell.fileno())
        bell.close()
