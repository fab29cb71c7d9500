"""Other coordinators of the same database: what they do is heard, and taken up, at once.

A word says only what changed; what it changed to is read from the database. Whoever cannot hear
for a while serves nobody: it does not know what is current, and other coordinators may. When it
hears again it reads everything anew, since nobody repeats what was missed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
import contextlib
import logging
import random
import time
from typing import Protocol, TypeVar

from offctl import errors
from offctl_coordinator.coordinator import Coordinator

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")

# How often the database is asked whether it is there when it says nothing by itself.
PULSE = 5.0
# For how long the last answer counts: a connection that is cut is noticed in less.
LEASE = 30.0
CONTACTS_SECONDS = 10.0
# How often a release that is not accepted is judged again: a clock is set right, say.
AGAIN_SECONDS = 60.0
# Reports that come in one after the other are read together.
GATHER = 0.02
LONGEST_WAIT = 10.0
LOG_SECONDS = 60.0


class Listener(Protocol):
    """A connection on which words come. Every method may block, and raises UnreachableError."""

    def fileno(self) -> int:
        """Becomes readable when there is something to take."""
        ...

    def take(self) -> tuple[str, ...]:
        """What was said since the last time."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Neighbours:
    """Listens for one coordinator; `name` is what its own words begin with."""

    def __init__(self, coordinator: Coordinator, name: str, listen: Callable[[], Listener]) -> None:
        self._coordinator = coordinator
        self._name = name
        self._listen = listen
        self._heard: float | None = None
        self._logged = -LOG_SECONDS
        self._exchanged = 0.0
        self._caught_up = 0.0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="listener")

    @contextlib.asynccontextmanager
    async def listening(self, ended: Callable[[], None]) -> AsyncIterator[None]:
        """Hear while the context lasts; what is known is up to date when it begins.

        `ended` is called, and the context raises, when hearing ends by a mistake of ours.
        """
        self._coordinator.sure = self._sure
        task = asyncio.ensure_future(self._run())
        task.add_done_callback(lambda _: ended())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._executor.shutdown(wait=True)

    def _sure(self) -> None:
        if self._heard is None or time.monotonic() - self._heard > LEASE:
            raise errors.UnreachableError(
                "cannot say what is current: the database does not answer", code="DATABASE"
            )

    async def _run(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await self._hear()
            except (errors.UnreachableError, errors.AdminError, errors.RefusedError) as error:
                self._heard = None
                self._log(error)
            failures = 0 if time.monotonic() - began > LONGEST_WAIT else failures + 1
            # Half of it is random: the others lost it at the same moment.
            longest = min(LONGEST_WAIT, 0.2 * 2.0 ** min(failures, 10))
            await asyncio.sleep(longest * (0.5 + random.random() / 2))  # noqa: S311 - no secret

    async def _hear(self) -> None:
        """Until the connection is lost."""
        listener = await self._aside(self._listen)
        readable = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(listener.fileno(), readable.set)
        try:
            # Listening already, so that nothing falls in between.
            await self._coordinator.catch_up()
            self._caught_up = time.monotonic()
            await self._coordinator.hosts.catch_up()
            await self._coordinator.overheard(())
            logger.info("listening to the database")
            while True:
                await self._take(await self._aside(listener.take))
                readable.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PULSE):
                        await readable.wait()
                await asyncio.sleep(GATHER)
        finally:
            loop.remove_reader(listener.fileno())
            await self._aside(listener.close)

    async def _take(self, words: tuple[str, ...]) -> None:
        foreign = [word.split(" ") for word in words if not word.startswith(f"{self._name} ")]
        kinds = {word[1] for word in foreign if len(word) > 1}
        began = time.monotonic()
        again = "release" in kinds or (
            self._coordinator.empty and began - self._caught_up > AGAIN_SECONDS
        )
        if again or self._coordinator.behind or kinds & {"rollout", "trust"}:
            await self._coordinator.catch_up(again=again)
        if again:
            self._caught_up = began
        hosts = {word[2] for word in foreign if len(word) > 2 and word[1] == "report"}
        if hosts:
            await self._coordinator.overheard(hosts)
        now = time.monotonic()
        if now - self._exchanged > CONTACTS_SECONDS:
            await self._coordinator.hosts.exchange_contacts()
            self._exchanged = now
        self._heard = now

    async def _aside(self, function: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function)

    def _log(self, error: errors.OffctlError) -> None:
        if time.monotonic() - self._logged >= LOG_SECONDS:
            self._logged = time.monotonic()
            logger.error("hosts and operators are not served [%s]: %s", error.code, error)
