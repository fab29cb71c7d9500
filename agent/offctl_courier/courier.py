"""The courier's loop: poll, watch, deliver, wait; one connection at a time.

News on the stream and rings from the agent shorten the wait; a failure lengthens it and takes the
next address. Nothing that the other side does can make the loop turn without a wait.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
import logging

from offctl import errors
from offctl.messages import Message
from offctl_agent.mailbox import Inbox
from offctl_courier import waiting
from offctl_courier.carrying import Carrier
from offctl_courier.client import Coordinator
from offctl_courier.note import Note
from offctl_courier.waiting import Random

logger = logging.getLogger(__name__)

# The least time between two rounds, whatever wakes the courier; a part of the interval if shorter.
LEAST_WAIT = 1.0

# What is wrong here does not mean that the connection is.
_LOCAL = (errors.MalformedError, errors.AdminError)
_FAILURES = (errors.UnreachableError, *_LOCAL)


@dataclass(frozen=True, slots=True)
class Route:
    """Where coordinators are; `connect` opens one connection. `interval` is in seconds."""

    addresses: tuple[str, ...]
    connect: Callable[[str], Coordinator]
    interval: float


class Courier:
    """Runs until cancelled. `ring` is its doorbell: reports wait."""

    def __init__(
        self,
        route: Route,
        carrier: Carrier,
        inbox: Inbox,
        *,
        clock: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._route = route
        self._carrier = carrier
        self._inbox = inbox
        self._clock = clock
        self._random = random
        self._contacted: datetime | None = None
        self._held = b""
        self._news = asyncio.Event()
        self._mail = asyncio.Event()

    def ring(self) -> None:
        """Deliver soon."""
        self._mail.set()

    async def run(self) -> None:
        """Go on for ever; a failure takes the next address."""
        failures = 0
        turn = 0
        while True:
            address = self._route.addresses[turn % len(self._route.addresses)]
            began = self._time()
            try:
                await self._stay(address)
            except _FAILURES as error:
                turn += 1
                self._write_note(address, str(error))
                logger.warning("%s", error, extra=Message.UNREACHED.fields())
            # A connection that lasted was a good one, whatever ended it.
            failures = 1 if self._time() - began > self._route.interval else failures + 1
            await asyncio.sleep(waiting.back_off(failures, self._route.interval, self._random))

    async def _stay(self, address: str) -> None:
        """Use one connection until its stream ends; raises when it cannot be used."""
        coordinator = self._route.connect(address)
        watching: asyncio.Task[None] | None = None
        self._news.set()
        try:
            while watching is None or not watching.done():
                await self._round(coordinator, address)
                watching = watching or asyncio.ensure_future(self._watch(coordinator))
                await self._wait(watching)
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.wait((watching,))
            await coordinator.close()

    async def _round(self, coordinator: Coordinator, address: str) -> None:
        fetching = self._news.is_set()
        self._news.clear()
        self._mail.clear()
        problems = []
        # A full disk must not keep back the report that says so.
        for due, carry in ((fetching, self._carrier.fetch), (True, self._carrier.deliver)):
            try:
                if due:
                    await carry(coordinator)
            except _LOCAL as error:
                logger.warning("%s", error)
                problems.append(str(error))
        self._held = self._carrier.held_sha256()
        self._contacted = self._clock()
        self._write_note(address, "; ".join(problems))

    async def _watch(self, coordinator: Coordinator) -> None:
        try:
            async for sha256 in coordinator.watch():
                if sha256 != self._held:
                    self._news.set()
        except errors.UnreachableError as error:
            # Streams end now and then; whether that matters, the next connection shows.
            logger.info("%s", error)

    async def _wait(self, watching: asyncio.Task[None]) -> None:
        """Until it is time to poll, the stream ends, or there is news or mail."""
        interval = self._route.interval
        until = self._time() + waiting.interval(interval, self._random)
        await asyncio.sleep(min(LEAST_WAIT, interval / 10))
        woken = [asyncio.ensure_future(event.wait()) for event in (self._news, self._mail)]
        try:
            done, _ = await asyncio.wait(
                (watching, *woken),
                timeout=max(0.0, until - self._time()),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in woken:
                task.cancel()
        if not done:
            self._news.set()

    def _time(self) -> float:
        return asyncio.get_running_loop().time()

    def _write_note(self, address: str, error: str) -> None:
        try:
            self._inbox.put_note(Note(self._contacted, error, address).dump())
        except errors.AdminError as failure:
            # A full disk must not keep reports from leaving it.
            logger.warning("%s", failure)
