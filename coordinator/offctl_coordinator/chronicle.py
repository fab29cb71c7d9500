"""What happened, kept in the store: who published and steered what, and what hosts report they did.

A report's news are kept before the report itself, so that a crash in between loses none: they are
told again, and each is kept once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
import logging
from typing import Any

from offctl import errors
from offctl.report import Report
from offctl_coordinator import happenings
from offctl_coordinator.happenings import Happening
from offctl_coordinator.rollout import Rollout
from offctl_coordinator.store.records import EventRecord, Store
from offctl_coordinator.turns import Steering

# As many as fit into one message, whatever hosts wrote.
MAX_EVENTS = 500

logger = logging.getLogger(__name__)
InStore = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, each with its record, oldest first; `newest` is the last number of all."""

    events: tuple[tuple[EventRecord, Happening], ...]
    newest: int


class Chronicle:
    """The log of one coordinator."""

    def __init__(self, store: Store, in_store: InStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._in_store = in_store
        self._clock = clock

    async def reported(self, report: Report, before: Report | None) -> None:
        """Keep what a report tells anew. Raises AdminError."""
        if found := happenings.news(report, before, self._clock()):
            await self._in_store(self._store.add_events, found)

    async def published(self, operator: str, serial: int, hosts: int) -> None:
        """Keep that a release was published."""
        number = "1 host" if hosts == 1 else f"{hosts} hosts"
        await self._note("publish", operator, f"published release {serial} for {number}", serial)

    async def trusted(self, operator: str, version: int) -> None:
        """Keep that a trust root was published."""
        await self._note("trust", operator, f"published trust root {version}")

    async def steered(self, steering: Steering) -> None:
        """Keep what an operator did to the rollout."""
        why = f": {steering.reason}" if steering.reason else ""
        action = f"{steering.order.value} at wave {steering.wave}{why}"
        await self._note("rollout", steering.operator, action, steering.serial)

    async def _note(self, kind: str, who: str, action: str, serial: int = 0) -> None:
        """Keep what was done to the site; it is done already, so a failure is logged only."""
        record = happenings.by_operator(kind, who, action, self._clock(), serial)
        try:
            await self._in_store(self._store.add_events, (record,))
        except (errors.AdminError, errors.UnreachableError) as error:
            logger.error("the events lack %s: %s", action, error)  # noqa: TRY400

    async def moved(self, before: Rollout, after: Rollout) -> None:
        """Keep what the rollout did by itself when a report came in."""
        if after.halted and not before.halted:
            await self._note("rollout", "", f"halted: {after.halted}", after.serial)
        if after.serial == before.serial and after.wave > before.wave:
            await self._note("rollout", "", f"wave {after.wave} has its turn", after.serial)

    async def page(self, host: str, after: int, limit: int) -> Page:
        """At most `limit` events: the newest ones, or those that came in after number `after`."""
        asked = (host, after, min(limit, MAX_EVENTS))
        # The number first: what comes in meanwhile is in the page, or in the next one.
        newest = await self._in_store(self._store.newest_event)
        records = await self._in_store(self._store.events, *asked)
        return Page(tuple(_read(records)), newest)


def _read(records: tuple[EventRecord, ...]) -> list[tuple[EventRecord, Happening]]:
    found = []
    for record in records:
        try:
            found.append((record, happenings.parse(record.content)))
        except (errors.MalformedError, ValueError) as error:
            logger.warning("event %d in the database is left out: %s", record.number, error)
    return found
