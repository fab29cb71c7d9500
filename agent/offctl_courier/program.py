"""The courier's program: put together, run until a signal."""

import asyncio
from collections.abc import Iterator
import contextlib
from datetime import UTC, datetime
import random
import signal

from offctl import errors, files
from offctl_agent import mailbox
from offctl_agent.config import Config
from offctl_agent.mailbox import Doorbell, Inbox, Outbox
from offctl_courier import pins
from offctl_courier.carrying import Carrier
from offctl_courier.client import GrpcCoordinator
from offctl_courier.courier import Courier, Route
from offctl_courier.delivered import Delivered


async def run(config: Config) -> None:
    """Carry until SIGTERM or SIGINT. Raises AdminError or MalformedError when it cannot begin."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with prepared(config) as courier:
        running = asyncio.ensure_future(courier.run())
        stopped = asyncio.ensure_future(stopping.wait())
        try:
            await asyncio.wait((running, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
            running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


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
        inbox = Inbox(config.inbox)
        carrier = Carrier(
            config.host,
            inbox,
            Outbox(config.outbox),
            Delivered(config.courier_state / "delivered.json"),
            mailbox.agent_bell(config.runtime),
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
