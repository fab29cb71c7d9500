"""The coordinator itself: what is current, who may ask, what hosts said. It knows no gRPC.

State lives in the store and is mirrored here for reading. A release is current once the store has
it durably, never before, and whoever watches is told after that. Other coordinators may have the
same store: what they did comes in with `catch_up` and `overheard` (docs/adr/0020).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
import logging
import re
from typing import Any, TypeVar

from offctl import errors
from offctl import report as reports
from offctl.desired import names
from offctl.status import Verdict
from offctl.trust.keys import SecretKey
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_coordinator import turns
from offctl_coordinator.answers import Fetched, Published, PublishedRoot
from offctl_coordinator.callers import AllowList
from offctl_coordinator.chronicle import Chronicle, Page
from offctl_coordinator.desk import Desk
from offctl_coordinator.hosts import Hosts
from offctl_coordinator.inforce import InForce
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.news import Announcement
from offctl_coordinator.observations import Observations
from offctl_coordinator.roster import Roster, Snapshot, Standing
from offctl_coordinator.store.records import (
    HistoryRecord,
    ObservationRecord,
    ReportRecord,
    SpellRecord,
    Store,
)
from offctl_coordinator.turns import Steering

STREAM = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_HISTORY = 1000

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Coordinator:
    """One coordinator over one store, on one event loop. Call `start` before anything else."""

    def __init__(
        self,
        store: Store,
        root: TrustRoot,
        timestamp_key: SecretKey,
        clock: Callable[[], datetime],
        lasting: Lasting,
    ) -> None:
        """`root` is the one in force, with what `lasting` knows followed already."""
        self._store = store
        self._clock = clock
        self._started = clock()
        # One thread: the store's one connection is never used by two at once.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.chronicle = Chronicle(store, self._in_store, clock)
        self._force = InForce(
            store, self._in_store, (root, timestamp_key), clock, lasting, self.chronicle
        )
        self.news = self._force.news
        self.turns = self._force.turns
        self.hosts = Hosts(store, self._in_store)
        self.observations = Observations(store, self._in_store)
        self.desk = Desk(store, self._in_store, self.roster, clock)
        # Raises UnreachableError while what is mirrored here may be old. Callers are told so before
        # the store is asked: what waits for a database that is away would be more and more.
        self.sure: Callable[[], None] = _alone

    @property
    def site(self) -> str:
        return self._force.root.site

    @property
    def allowed(self) -> AllowList:
        """Who may call."""
        return self._force.allowed

    async def start(self) -> None:
        """Take up what the store holds."""
        await self.catch_up()
        await self.hosts.catch_up()

    async def catch_up(self, *, again: bool = True) -> None:
        """Take up what was published and decided, here or by another coordinator.

        `again`: also judge anew what was refused, since the cause may have gone.
        """
        await self._force.catch_up(again=again)

    @property
    def behind(self) -> bool:
        """Whether the newest release is known and could not be taken up: catch up at once."""
        return self._force.behind

    @property
    def empty(self) -> bool:
        """Whether no release is current."""
        return self._force.publication is None

    async def reload(self, root: TrustRoot, timestamp_key: SecretKey | None = None) -> TrustRoot:
        """Go on under another trust root of the same site, or what follows it: the one in force.

        Raises RefusedError.
        """
        return await self._force.reload(root, timestamp_key)

    async def overheard(self, hosts: Collection[str]) -> None:
        """Take up what these hosts reported to another coordinator."""
        await self.hosts.overheard(hosts)
        async with self._force.changing:
            if await self.turns.overheard(hosts, self._clock()):
                self._force.tell()
            await self.chronicle.moved(*self.turns.decided)

    async def publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        """Accept a successor of the trust root durably, or raise RefusedError."""
        self.sure()
        return await _finished(self._force.publish_root(envelope, operator))

    def close(self) -> None:
        """End every watcher and let go of the store's thread."""
        self.news.close()
        self._executor.shutdown(wait=True)

    def touch(self, host: str) -> None:
        """Note that `host` called just now."""
        self.hosts.calls(host, self._clock())

    async def publish(self, release: SignedRelease, operator: str) -> Published:
        """Accept a release durably and tell everybody, or raise RefusedError."""
        self.sure()
        return await _finished(self._force.publish(release, operator))

    async def fetch(self, host: str, held_sha256: str, trust_version: int = 0) -> Fetched:
        """The release that `host` is offered, cut down to it; raises NotFoundError.

        With it come the trust roots after `trust_version`; 0 asks for none.
        """
        self.sure()
        current = self.turns.offer(host)
        part = current.host(host) if current else None
        if current is None or part is None:
            waits = turns.waiting(self.turns, host) or "nothing has been published yet"
            raise errors.NotFoundError(f"cannot fetch: {waits}")
        timestamp = self._force.sign(current)
        newer = self._force.successors(trust_version)
        if trust_version > self._force.root.version:
            logger.error(
                "host %s has trust root %d, this coordinator %d: publish the newer ones here too",
                host,
                trust_version,
                self._force.root.version,
            )
        if held_sha256 == current.sha256:
            return Fetched(b"", b"", timestamp, newer)
        return Fetched(current.envelope, part.bundle, timestamp, newer)

    async def watch(self, host: str) -> AsyncIterator[Announcement]:
        """Which release `host` is offered, now and whenever that changes."""
        told = ""
        async for news in self.news.listen():
            found = self.turns.offer(host)
            if self._force.publication is None or self._force.publication.host(host) is None:
                yield news  # the door ends the stream of who is not in the release any more
            elif found is not None and found.sha256 != told:
                told = found.sha256
                yield Announcement(found.serial, told, news.wave)

    async def steer(self, steering: Steering) -> None:
        """Pause, resume or promote the rollout; raises RefusedError."""
        self.sure()
        await _finished(self._steer(steering))

    async def _steer(self, steering: Steering) -> None:
        async with self._force.changing:
            if await self.turns.steer(steering):
                self._force.tell()
            await self.chronicle.steered(steering)

    async def release(self, serial: int) -> SignedRelease:
        """A release as it was published; raises NotFoundError."""
        self.sure()
        record = await self._in_store(self._store.release, serial)
        if record is None:
            raise errors.NotFoundError(
                f"cannot give release {serial}: it is not kept here any more, or never was"
            )
        return record.release

    async def report(self, host: str, content: bytes, observed: bytes = b"") -> bool:
        """Keep a report of `host`, and what it observed; True when that is wanted still.

        Raises MalformedError when it is not one.
        """
        self.sure()
        return await _finished(self._report(host, content, observed))

    async def _report(self, host: str, content: bytes, observed: bytes) -> bool:
        found = reports.parse(content)
        if (found.host, found.site) != (host, self.site):
            raise errors.MalformedError(
                f"cannot accept the report: it is about host {found.host!r} of site "
                f"{found.site!r}, but comes from {host!r} of {self.site!r}",
                code="WRONG_HOST",
            )
        names.checked(found.stream, STREAM, "stream of a report")
        now = self._clock()
        self.hosts.see(found, now)
        standing = Standing(found, now)
        record = ReportRecord(host, found.stream, found.sequence, now, content)
        before = self.hosts.standings.get(host)
        await self.chronicle.reported(found, before.report if before else None)
        change = self.turns.spell_after(found, self._verdict(host, standing), now)
        added = await self._in_store(self._store.add_report, record, change)
        if added.new:
            self.hosts.standings[host] = standing
        # One that is sent again was stored, but perhaps not heard: the database failed in between.
        if added.new or await self._came_last(record):
            async with self._force.changing:
                spell = added.spell if added.new else await self._spell(host)
                verdict = self._verdict(host, standing)
                if await self.turns.heard(found, verdict, spell, now):
                    self._force.tell()
                await self.chronicle.moved(*self.turns.decided)
        return await self.observations.told(found, observed)

    async def _came_last(self, record: ReportRecord) -> bool:
        """Whether this report is the newest that is kept of its host."""
        kept = await self._in_store(self._store.newest_report, record.host)
        return kept is not None and kept.content == record.content

    async def _spell(self, host: str) -> SpellRecord | None:
        return next(iter(await self._in_store(self._store.spells, (host,))), None)

    def _verdict(self, host: str, standing: Standing) -> Verdict:
        known = replace(self._roster(), standings={host: standing})
        return known.view(host, standing.received).verdict

    def roster(self) -> Roster:
        """What is known of all hosts at this moment; raises UnreachableError when that is old."""
        self.sure()
        return self._roster()

    def _roster(self) -> Roster:
        return Roster(
            self._force.publication,
            *(dict(self.hosts.standings), dict(self.hosts.contacts), self._started),
            duplicated=self.hosts.duplicated(),
            turns=self.turns,
        )

    def snapshot(self) -> Snapshot:
        """What is known at this moment, for who does not run on our event loop."""
        try:
            self.sure()
            sure = True
        except errors.UnreachableError:
            sure = False
        return Snapshot(self._roster(), self._force.root, self._clock(), sure)

    def now(self) -> datetime:
        return self._clock()

    async def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """At most `limit` releases, newest first."""
        self.sure()
        return await self._in_store(self._store.history, min(limit, MAX_HISTORY))

    async def events(self, host: str, after: int, limit: int) -> Page:
        """What happened, of one host or everywhere; see `Chronicle.page`."""
        self.sure()
        return await self.chronicle.page(host, after, limit)

    async def observation(self, host: str) -> ObservationRecord:
        """What a host observed last; raises NotFoundError."""
        self.sure()
        return await self.observations.get(host)

    async def _in_store(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)


async def _finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    """What `work` gives. Once begun it is finished, also when the caller hangs up: what the store
    holds and what is served and said must not part.
    """
    return await asyncio.shield(asyncio.ensure_future(work))


def _alone() -> None:
    """Nobody else has the store, so what is mirrored is what is there."""
