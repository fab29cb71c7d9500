"""What hosts said and when they called, to whichever coordinator: the store's reports, mirrored."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
import logging
from typing import Any

from offctl import errors
from offctl import report as reports
from offctl.messages import Message
from offctl.report import Report
from offctl_coordinator.roster import Standing
from offctl_coordinator.sightings import Sightings
from offctl_coordinator.store.records import ReportRecord, Store

logger = logging.getLogger(__name__)


class Hosts:
    """`standings` has the newest report of each host, `contacts` when it last called."""

    def __init__(self, store: Store, in_store: Callable[..., Awaitable[Any]]) -> None:
        self._store = store
        self._in_store = in_store
        self.standings: dict[str, Standing] = {}
        self.contacts: dict[str, datetime] = {}
        self._called: set[str] = set()
        self._sightings = Sightings()

    def calls(self, host: str, now: datetime) -> None:
        """Note that `host` called just now."""
        self.contacts[host] = now
        self._called.add(host)

    def see(self, report: Report, now: datetime) -> None:
        """Note which machine reports as a host."""
        if self._sightings.see(report.host, report.machine, report.time, now):
            twice = Message.DUPLICATE.fields(OFFCTL_HOST=report.host)
            logger.error(
                "two machines report as host %s: was its disk copied?", report.host, extra=twice
            )

    def duplicated(self) -> dict[str, datetime]:
        """When a second machine was last seen, for each host where one was."""
        return self._sightings.duplicated()

    async def catch_up(self) -> None:
        """Take up what every host reported last, wherever that was."""
        for record in await self._in_store(self._store.newest_reports):
            if not self._known(record):
                self._remember(record)
                await asyncio.sleep(0)  # there may be ten thousand, and each is read in full

    def _known(self, record: ReportRecord) -> bool:
        """Whether it is mirrored, or something that came in after it."""
        known = self.standings.get(record.host)
        if known is None:
            return False
        same = (known.report.stream, known.report.sequence) == (record.stream, record.sequence)
        # The store keeps whole seconds.
        return same or known.received.replace(microsecond=0) > record.received

    async def overheard(self, hosts: Collection[str]) -> None:
        """Take up what these reported to another coordinator."""
        # The store answers in the order it was asked, so nothing newer of ours is replaced.
        for record in await self._in_store(self._store.newest_reports_of, hosts) if hosts else ():
            self._remember(record)

    async def exchange_contacts(self) -> None:
        """Note who called here since the last time, and learn who called elsewhere."""
        called, self._called = self._called, set()
        try:
            noted = {host: self.contacts[host] for host in called}
            await self._in_store(self._store.note_contacts, noted)
        except errors.OffctlError:
            self._called |= called
            raise
        elsewhere: Mapping[str, datetime] = await self._in_store(self._store.contacts)
        for host, contacted in elsewhere.items():
            self.contacts[host] = max(contacted, self.contacts.get(host, contacted))

    def _remember(self, record: ReportRecord) -> None:
        try:
            found = reports.parse(record.content)
        except errors.MalformedError as error:
            logger.warning("a stored report of %s is left out: %s", record.host, error)
            return
        self.standings[record.host] = Standing(found, record.received)
        self.see(found, record.received)
        known = self.contacts.get(record.host, record.received)
        self.contacts[record.host] = max(known, record.received)
