"""The coordinator itself: what is current, who may ask, what hosts said. It knows no gRPC.

State lives in the store and is mirrored here for reading. A release is current once the store has
it durably, never before, and whoever watches is told after that. Other coordinators may have the
same store: what they did comes in with `catch_up` and `overheard` (docs/adr/0018).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
import logging
import re
from typing import TypeVar

from offctl import errors
from offctl import report as reports
from offctl.desired import names
from offctl.status import Verdict
from offctl.trust.accept import Floor
from offctl.trust.keys import SecretKey
from offctl.trust.refusal import Refusal, refused
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl_coordinator import callers, publication, rooting, turns
from offctl_coordinator.answers import Fetched, HostDetail, Published, PublishedRoot
from offctl_coordinator.hosts import Hosts
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.memory import Memory
from offctl_coordinator.news import Announcement, News
from offctl_coordinator.observations import Observations
from offctl_coordinator.publication import Publication
from offctl_coordinator.rooting import Judged
from offctl_coordinator.roster import Roster, Standing
from offctl_coordinator.store.records import (
    HistoryRecord,
    OvertakenError,
    ReleaseRecord,
    ReportRecord,
    Store,
)
from offctl_coordinator.timestamps import Timestampers
from offctl_coordinator.turns import Steering, Turns

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
        self._lasting = lasting
        self._chain = lasting.chain()
        self._root = root
        self._clock = clock
        self._started = clock()
        self._timestampers = Timestampers(timestamp_key)
        self._floor = lasting.floor()
        self._publication: Publication | None = None
        self._record: ReleaseRecord | None = None
        self._doubted: set[str] = set()
        self.hosts = Hosts(store, self._in_store)
        self._publishing = asyncio.Lock()
        # One thread: the store's one connection is never used by two at once.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.news = News()
        self.turns = Turns(Memory(store, self._in_store, lambda: self._root, clock))
        self.observations = Observations(store, self._in_store)
        self.allowed = callers.allow(root, None)
        # Raises UnreachableError while what is mirrored here may be old.
        self.sure: Callable[[], None] = _alone

    @property
    def site(self) -> str:
        return self._root.site

    async def start(self) -> None:
        """Take up what the store holds."""
        await self.catch_up()
        await self.hosts.catch_up()

    async def catch_up(self) -> None:
        """Take up what was published and decided, here or by another coordinator."""
        async with self._publishing:
            await self._follow_roots()
            await self._follow_release()
            await self.turns.reread()
            self._tell()

    async def overheard(self, hosts: Collection[str]) -> None:
        """Take up what these hosts reported to another coordinator."""
        await self.hosts.overheard(hosts)
        async with self._publishing:
            if await self.turns.overheard(hosts, self._clock()):
                self._tell()

    async def reload(self, root: TrustRoot, timestamp_key: SecretKey | None = None) -> None:
        """Go on under another trust root of the same site; raises RefusedError, changing nothing.

        With `timestamp_key` that one signs from now on. When the new root does not accept the
        current release, nothing is current until another is published.
        """
        if root.site != self.site:
            raise refused(
                Refusal.WRONG_SITE,
                f"cannot reload the trust root: it is for site {root.site!r}, not {self.site!r}",
            )
        async with self._publishing:
            await self._go_on_under(root)
            if timestamp_key is not None:
                self._timestampers = Timestampers(timestamp_key)

    async def _go_on_under(self, root: TrustRoot) -> None:
        record = await self._in_store(self._store.newest_release)
        callers.allow(root, None)
        self._root = root
        self._set_current(None)
        await self._take_up(record)

    async def _follow_roots(self) -> None:
        """Go on under trust roots published elsewhere, and give back what the store has lost."""
        stored = await self._in_store(self._store.trust_roots)
        for step in stored:
            if step in self._chain or step.version < self._root.version:
                continue
            try:
                known = rooting.judge(
                    step.envelope, self._root, self._chain, self._timestampers.public
                )
            except errors.RefusedError as error:
                if str(error) not in self._doubted:
                    self._doubted.add(str(error))
                    logger.error("trust root %d in the database: %s", step.version, error)  # noqa: TRY400
                break
            await self._go_on(known)
        for step in self._chain:
            if step not in stored:
                await self._in_store(self._store.add_trust_root, step)

    async def _go_on(self, known: Judged) -> None:
        if known.step is not None:
            chain = (*self._chain, known.step)
            await asyncio.to_thread(self._lasting.keep_chain, chain)
            self._chain = chain
        if known.root is not self._root:
            await self._go_on_under(known.root)

    async def _follow_release(self) -> None:
        """Take up the newest release of the store; one from a backup gets back what it lost."""
        record = await self._in_store(self._store.newest_release)
        kept = self._record
        if kept is not None and (record is None or record.serial < kept.serial):
            logger.error(
                "the database went back to release %d; release %d was published: it is put back",
                *(record.serial if record else 0, kept.serial),
            )
            await self._in_store(self._store.add_release, kept)
        elif record and record.sha256 not in self._doubted | {kept.sha256 if kept else ""}:
            await self._take_up(record)

    async def publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        """Accept a successor of the trust root durably, or raise RefusedError."""
        return await asyncio.shield(asyncio.ensure_future(self._publish_root(envelope, operator)))

    async def _publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        async with self._publishing:
            known = rooting.judge(envelope, self._root, self._chain, self._timestampers.public)
            if known.step is not None:
                # First where others see it: of two for one version the first one counts.
                await self._in_store(self._store.add_trust_root, known.step)
            fresh = known.root is not self._root
            await self._go_on(known)
            if fresh:
                logger.info("trust root %d published by %s", known.root.version, operator)
            return PublishedRoot(known.root.version, already_in_force=not fresh)

    def close(self) -> None:
        """End every watcher and let go of the store's thread."""
        self.news.close()
        self._executor.shutdown(wait=True)

    def touch(self, host: str) -> None:
        """Note that `host` called just now."""
        self.hosts.touch(host, self._clock())

    async def publish(self, release: SignedRelease, operator: str) -> Published:
        """Accept a release durably and tell everybody, or raise RefusedError.

        Once begun it is finished, also when the caller hangs up: the store and what is served
        must not part.
        """
        return await asyncio.shield(asyncio.ensure_future(self._publish(release, operator)))

    async def _publish(self, release: SignedRelease, operator: str) -> Published:
        async with self._publishing:
            try:
                return await self._publish_next(release, operator)
            except OvertakenError:
                # Another coordinator was faster: its release is current now, and this one is
                # judged beside it.
                await self._follow_release()
                return await self._publish_next(release, operator)

    async def _publish_next(self, release: SignedRelease, operator: str) -> Published:
        now = self._clock()
        # Reading megabytes of TOML must not hold up the hosts.
        found = await asyncio.to_thread(
            publication.judge, release, self._root, floor=self._floor, now=now
        )
        current = self._publication
        if current is not None and current.serial == found.serial:
            return Published(found.serial, len(found.hosts), already_current=True)
        callers.allow(self._root, found)
        record = ReleaseRecord(found.serial, found.sha256, release, now, operator)
        await self._in_store(self._store.add_release, record)
        self._raise_floor(Floor(found.serial, found.sha256))
        self._record = record
        await self.turns.begin(found)
        self._set_current(found)
        logger.info("release %d published by operator %s", found.serial, operator)
        return Published(found.serial, len(found.hosts), already_current=False)

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
        timestamp = self._timestampers.sign(current, self._clock())
        newer = rooting.successors(self._chain, trust_version)
        if trust_version > self._root.version:
            logger.error(
                "host %s has trust root %d, this coordinator %d: publish the newer ones here too",
                host,
                trust_version,
                self._root.version,
            )
        if held_sha256 == current.sha256:
            return Fetched(b"", b"", timestamp, newer)
        return Fetched(current.envelope, part.bundle, timestamp, newer)

    async def watch(self, host: str) -> AsyncIterator[Announcement]:
        """Which release `host` is offered, now and whenever that changes."""
        told = ""
        async for news in self.news.listen():
            found = self.turns.offer(host)
            if self._publication is None or self._publication.host(host) is None:
                yield news  # the door ends the stream of who is not in the release any more
            elif found is not None and found.sha256 != told:
                told = found.sha256
                yield Announcement(found.serial, told, news.wave)

    async def steer(self, steering: Steering) -> None:
        """Pause, resume or promote the rollout; raises RefusedError."""
        async with self._publishing:
            if await self.turns.steer(steering):
                self._tell()

    async def release(self, serial: int) -> SignedRelease:
        """A release as it was published; raises NotFoundError."""
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
        spell = self.turns.spell_after(found, self._verdict(host, standing), now)
        added = await self._in_store(self._store.add_report, record, spell)
        if added.new:
            self.hosts.standings[host] = standing
            async with self._publishing:
                verdict = self._verdict(host, standing)
                if await self.turns.heard(found, verdict, added.spell, now):
                    self._tell()
        return await self.observations.told(found, observed)

    def _verdict(self, host: str, standing: Standing) -> Verdict:
        known = replace(self._roster(), standings={host: standing})
        return known.view(host, standing.received).verdict

    def roster(self) -> Roster:
        """What is known of all hosts at this moment; raises UnreachableError when that is old."""
        self.sure()
        return self._roster()

    def _roster(self) -> Roster:
        return Roster(
            self._publication,
            *(dict(self.hosts.standings), dict(self.hosts.contacts), self._started),
            duplicated=self.hosts.duplicated(),
            turns=self.turns,
        )

    def now(self) -> datetime:
        return self._clock()

    async def host(self, name: str) -> HostDetail:
        """One host; raises NotFoundError."""
        roster = self.roster()
        if name not in roster.names():
            raise errors.NotFoundError(
                f"cannot show host {name[:80]!r}: it is not in the newest release and never "
                "reported"
            )
        record = await self._in_store(self._store.newest_report, name)
        return HostDetail(roster.view(name, self._clock()), record.content if record else b"")

    async def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """At most `limit` releases, newest first."""
        return await self._in_store(self._store.history, min(limit, MAX_HISTORY))

    async def _take_up(self, record: ReleaseRecord | None) -> None:
        """Go on with the store's newest release, or with none."""
        found = self._judged(record) if record else None
        # Whose turn it is first: whoever is told of a release asks for it at once.
        await self.turns.begin(found)
        self._set_current(found)

    def _judged(self, record: ReleaseRecord) -> Publication | None:
        # The database is not trusted: what it holds is judged again at each start.
        try:
            found = publication.judge(
                record.release, self._root, floor=self._floor, now=self._clock(), kept=True
            )
        except errors.RefusedError as error:
            self._doubted.add(record.sha256)
            logger.error(  # noqa: TRY400
                "release %d in the database is not accepted [%s]: %s; only operators are served "
                "until a release is published",
                *(record.serial, error.code, error),
            )
            return None
        self._record = record
        if found.serial > self._floor.serial:
            self._raise_floor(Floor(found.serial, found.sha256))
        return found

    def _raise_floor(self, floor: Floor) -> None:
        self._floor = floor
        try:
            self._lasting.keep_floor(floor)
        except errors.AdminError as error:
            # The database has it too; the next start writes it again.
            logger.error("the floor is in the database only: %s", error)  # noqa: TRY400

    def _set_current(self, found: Publication | None) -> None:
        self.allowed = callers.allow(self._root, found)
        self._publication = found
        self._tell()

    def _tell(self) -> None:
        found = self._publication
        wave = self.turns.rollout.wave
        self.news.tell(Announcement(found.serial, found.sha256, wave) if found else None)

    async def _in_store(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)


def _alone() -> None:
    """Nobody else has the store, so what is mirrored is what is there."""
