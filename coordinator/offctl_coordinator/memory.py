"""What the rollout keeps in the store, and older releases that some host still gets."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
import logging
from typing import Any

from offctl import errors
from offctl.trust.accept import Floor
from offctl.trust.root import TrustRoot
from offctl_coordinator import publication
from offctl_coordinator.publication import Publication
from offctl_coordinator.store.records import Decision, SpellRecord, Store

logger = logging.getLogger(__name__)


class Memory:
    """The store as the rollout sees it; `in_store` runs a call of it, `root` is in force."""

    def __init__(
        self,
        store: Store,
        in_store: Callable[..., Awaitable[Any]],
        root: Callable[[], TrustRoot],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._in_store = in_store
        self._root = root
        self._clock = clock
        # What was logged already: it is read again and again.
        self._doubted: set[tuple[int, str]] = set()

    async def recall(self) -> tuple[str, tuple[SpellRecord, ...]]:
        """What was decided last, empty when nothing was, and every spell."""
        text: str = await self._in_store(self._store.rollout)
        return text, await self._in_store(self._store.spells)

    async def spells(self, hosts: Collection[str]) -> tuple[SpellRecord, ...]:
        """The spells of these hosts."""
        found: tuple[SpellRecord, ...] = await self._in_store(self._store.spells, hosts)
        return found

    async def decide(self, decision: Decision) -> str:
        """Decide durably, alone among all coordinators. Raises AdminError."""
        text: str = await self._in_store(self._store.decide, decision)
        return text

    async def release(self, serial: int) -> Publication | None:
        """An older release, judged anew; None when it is not kept or not believed any more."""
        record = await self._in_store(self._store.release, serial)
        if record is None:
            return None
        try:
            return publication.judge(
                record.release, self._root(), floor=Floor(), now=self._clock(), kept=True
            )
        except errors.RefusedError as error:
            if (serial, error.code) not in self._doubted:
                self._doubted.add((serial, error.code))
                logger.warning("release %d in the database is not accepted: %s", serial, error)
            return None
