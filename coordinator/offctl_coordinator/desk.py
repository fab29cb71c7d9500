"""What operators are shown: the site as a whole, or one host with its newest report."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from offctl import errors
from offctl_coordinator import overview as overviews
from offctl_coordinator.overview import Overview
from offctl_coordinator.roster import HostView, Roster
from offctl_coordinator.store.records import Store

InStore = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class HostDetail:
    """One host with the bytes of its newest report, empty when there is none."""

    view: HostView
    report: bytes


class Desk:
    """`roster` gives what is known of all hosts at this moment."""

    def __init__(
        self,
        store: Store,
        in_store: InStore,
        roster: Callable[[], Roster],
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._in_store = in_store
        self._roster = roster
        self._clock = clock

    def overview(self, *, limit: int, every_host: bool) -> Overview:
        """The site as a whole, worst first."""
        found, now = self._roster(), self._clock()
        return overviews.overview(found, now, limit=limit, every_host=every_host)

    async def host(self, name: str) -> HostDetail:
        """One host; raises NotFoundError."""
        roster = self._roster()
        if name not in roster.names():
            raise errors.NotFoundError(
                f"cannot show host {name[:80]!r}: it is not in the newest release and never "
                "reported"
            )
        record = await self._in_store(self._store.newest_report, name)
        return HostDetail(roster.view(name, self._clock()), record.content if record else b"")
