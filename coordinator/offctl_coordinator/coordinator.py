"""The coordinator itself: what is current, who may ask, what hosts said. It knows no gRPC.

State lives in the store and is mirrored here for reading. A release is current once the store has
it durably, never before, and whoever watches is told after that.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
import logging
import re
from typing import Any, TypeVar

from offctl import errors
from offctl import report as reports
from offctl.desired import names
from offctl.messages import Message
from offctl.trust.accept import Floor
from offctl.trust.keys import SecretKey
from offctl.trust.refusal import Refusal, refused
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step
from offctl_coordinator import callers, publication, rooting, turns
from offctl_coordinator.chronicle import Chronicle
from offctl_coordinator.desk import Desk
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.memory import Memory
from offctl_coordinator.news import Announcement, News
from offctl_coordinator.observations import Observations
from offctl_coordinator.publication import Publication
from offctl_coordinator.roster import Roster, Snapshot, Standing
from offctl_coordinator.sightings import Sightings
from offctl_coordinator.store.records import HistoryRecord, ReleaseRecord, ReportRecord, Store
from offctl_coordinator.timestamps import Timestamper
from offctl_coordinator.turns import Steering, Turns

STREAM = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_HISTORY = 1000

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a host gets: an empty envelope and bundle when it holds the current release already."""

    envelope: bytes
    bundle: bytes
    timestamp: bytes
    roots: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedRoot:
    """What became of a trust root that was accepted."""

    version: int
    already_in_force: bool


async def _finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    """What `work` gives. Once begun it is finished, also when the caller hangs up: what the store
    holds and what is served and said must not part.
    """
    return await asyncio.shield(asyncio.ensure_future(work))


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an offer that was accepted."""

    serial: int
    hosts: int
    already_current: bool


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
        self._timestamper = Timestamper(timestamp_key)
        self._floor = lasting.floor()
        self._publication: Publication | None = None
        self._standings: dict[str, Standing] = {}
        self._contacts: dict[str, datetime] = {}
        self._sightings = Sightings()
        self._publishing = asyncio.Lock()
        # One thread: the store's one connection is never used by two at once.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="store")
        self.news = News()
        self.turns = Turns(Memory(store, self._in_store, lambda: self._root, clock))
        self.observations = Observations(store, self._in_store)
        self.chronicle = Chronicle(store, self._in_store, clock)
        self.desk = Desk(store, self._in_store, self.roster, clock)
        self._timestampers: dict[str, Timestamper] = {}
        self.allowed = callers.allow(root, None)

    @property
    def site(self) -> str:
        return self._root.site

    async def start(self) -> None:
        """Take up what the store holds."""
        await self.turns.start()
        record = await self._in_store(self._store.newest_release)
        if record is not None:
            if record.serial > self._floor.serial:
                self._raise_floor(Floor(record.serial, record.sha256))
            self._take_up(record)
        await self._begin()
        for report in await self._in_store(self._store.newest_reports):
            self._remember(report)

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
                self._timestamper = Timestamper(timestamp_key)

    async def _go_on_under(self, root: TrustRoot) -> None:
        record = await self._in_store(self._store.newest_release)
        callers.allow(root, None)
        self._root = root
        self._set_current(None)
        if record is not None:
            self._take_up(record)
        await self._begin()

    async def publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        """Accept a successor of the trust root durably, or raise RefusedError."""
        return await _finished(self._publish_root(envelope, operator))

    async def _publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        async with self._publishing:
            known = rooting.judge(envelope, self._root, self._chain, self._timestamper.public)
            if known.step is not None:
                chain = (*self._chain, known.step)
                await asyncio.to_thread(self._lasting.keep_chain, chain)
                self._chain = chain
            if known.root is not self._root:
                await self.chronicle.trusted(operator, known.root.version)
                await self._go_on_under(known.root)
                logger.info(
                    "trust root %d published by %s",
                    *(known.root.version, operator),
                    extra=Message.TRUST_PUBLISHED.fields(OFFCTL_OPERATOR=operator),
                )
                return PublishedRoot(known.root.version, already_in_force=False)
            return PublishedRoot(known.root.version, already_in_force=True)

    def close(self) -> None:
        """End every watcher and let go of the store's thread."""
        self.news.close()
        self._executor.shutdown(wait=True)

    def touch(self, host: str) -> None:
        """Note that `host` called just now."""
        self._contacts[host] = self._clock()

    async def publish(self, release: SignedRelease, operator: str) -> Published:
        """Accept a release durably and tell everybody, or raise RefusedError."""
        return await _finished(self._publish(release, operator))

    async def _publish(self, release: SignedRelease, operator: str) -> Published:
        async with self._publishing:
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
            await self.turns.begin(found)
            await self.chronicle.published(operator, found.serial, len(found.hosts))
            self._set_current(found)
            logger.info(
                "release %d published by operator %s",
                *(found.serial, operator),
                extra=Message.RELEASE_PUBLISHED.fields(
                    OFFCTL_SERIAL=str(found.serial), OFFCTL_OPERATOR=operator
                ),
            )
            return Published(found.serial, len(found.hosts), already_current=False)

    async def fetch(self, host: str, held_sha256: str, trust_version: int = 0) -> Fetched:
        """The release that `host` is offered, cut down to it; raises NotFoundError.

        With it come the trust roots after `trust_version`; 0 asks for none.
        """
        current = self.turns.offer(host)
        part = current.host(host) if current else None
        if current is None or part is None:
            waits = turns.waiting(self.turns, host) or "nothing has been published yet"
            raise errors.NotFoundError(f"cannot fetch: {waits}")
        timestamp = self._signer(current).sign(current, self._clock())
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
        await _finished(self._steer(steering))

    async def _steer(self, steering: Steering) -> None:
        async with self._publishing:
            if await self.turns.steer(steering):
                self._tell()
            await self.chronicle.steered(steering)

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
        if self._sightings.see(host, found.machine, found.time, now):
            twice = Message.DUPLICATE.fields(OFFCTL_HOST=host)
            logger.error("two machines report as host %s: was its disk copied?", host, extra=twice)
        record = ReportRecord(host, found.stream, found.sequence, now, content)
        before = self._standings.get(host)
        await self.chronicle.reported(found, before.report if before else None)
        if await self._in_store(self._store.add_report, record):
            self._standings[host] = Standing(found, now)
            async with self._publishing:
                verdict = self.roster().view(host, now).verdict
                rollout = self.turns.rollout
                if await self.turns.heard(found, verdict, now):
                    self._tell()
                await self.chronicle.moved(rollout, self.turns.rollout)
        return await self.observations.told(found, observed)

    def roster(self) -> Roster:
        """What is known of all hosts at this moment."""
        return Roster(
            *(self._publication, dict(self._standings), dict(self._contacts), self._started),
            duplicated=self._sightings.duplicated(),
            turns=self.turns,
        )

    def snapshot(self) -> Snapshot:
        """What is known at this moment, for who does not run on our event loop."""
        return Snapshot(self.roster(), self._root, self._clock())

    def now(self) -> datetime:
        return self._clock()

    async def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """At most `limit` releases, newest first."""
        return await self._in_store(self._store.history, min(limit, MAX_HISTORY))

    def _take_up(self, record: ReleaseRecord) -> None:
        # The database is not trusted: what it holds is judged again at each start.
        try:
            found = publication.judge(
                record.release, self._root, floor=self._floor, now=self._clock(), kept=True
            )
            self._set_current(found)
        except errors.RefusedError as error:
            logger.error(  # noqa: TRY400
                "release %d in the database is not accepted [%s]: %s; only operators are served "
                "until a release is published",
                record.serial,
                error.code,
                error,
                extra=Message.RELEASE_NOT_KEPT.fields(
                    OFFCTL_SERIAL=str(record.serial), OFFCTL_CODE=error.code
                ),
            )

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
        self._timestampers.clear()
        wave = self.turns.rollout.wave
        self.news.tell(Announcement(found.serial, found.sha256, wave) if found else None)

    async def _begin(self) -> None:
        await self.turns.begin(self._publication)
        self._tell()

    def _signer(self, offered: Publication) -> Timestamper:
        """The word that a release is current goes to whoever is offered it."""
        if offered is self._publication:
            return self._timestamper
        return self._timestampers.setdefault(offered.sha256, self._timestamper.another())

    def _remember(self, record: ReportRecord) -> None:
        try:
            found = reports.parse(record.content)
        except errors.MalformedError as error:
            logger.warning("a stored report of %s is left out: %s", record.host, error)
            return
        self._standings[record.host] = Standing(found, record.received)
        self._sightings.see(record.host, found.machine, found.time, record.received)
        self._contacts[record.host] = record.received

    async def _in_store(self, function: Callable[..., _Result], *arguments: object) -> _Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)
