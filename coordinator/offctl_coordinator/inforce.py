"""What is in force: trust root, floor, newest release, who may call; and how it becomes another.

The store has it durably first, and nothing goes back, whatever the store says. Whoever watches is
told afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
import logging
from typing import Any

from offctl import errors
from offctl.messages import Message
from offctl.trust import rotation
from offctl.trust.accept import Floor
from offctl.trust.keys import SecretKey
from offctl.trust.refusal import Refusal, refused
from offctl.trust.release import SignedRelease
from offctl.trust.root import TrustRoot
from offctl.trust.rotation import Step
from offctl_coordinator import callers, publication, rooting
from offctl_coordinator.answers import Published, PublishedRoot
from offctl_coordinator.chronicle import Chronicle
from offctl_coordinator.lasting import Lasting
from offctl_coordinator.memory import Memory
from offctl_coordinator.news import Announcement, News
from offctl_coordinator.publication import Publication
from offctl_coordinator.rooting import Judged
from offctl_coordinator.store.records import OvertakenError, ReleaseRecord, Store
from offctl_coordinator.timestamps import Timestampers
from offctl_coordinator.turns import Turns

logger = logging.getLogger(__name__)


class InForce:
    """Changed by one at a time, with `changing` held; read at any time. Call `catch_up` first."""

    def __init__(
        self,
        store: Store,
        in_store: Callable[..., Awaitable[Any]],
        keys: tuple[TrustRoot, SecretKey],
        clock: Callable[[], datetime],
        lasting: Lasting,
        chronicle: Chronicle,
    ) -> None:
        self._store = store
        self._in_store = in_store
        self._clock = clock
        self._lasting = lasting
        self._chronicle = chronicle
        self.root, key = keys
        self._chain = lasting.chain()
        self._floor = lasting.floor()
        self._record: ReleaseRecord | None = None
        # What was logged already: whose it is, and why it is not believed.
        self._doubted: set[tuple[str, str]] = set()
        self._refused = ""
        self._behind = False
        self._timestampers = Timestampers(key)
        self.publication: Publication | None = None
        self.allowed = callers.allow(self.root, None)
        self.changing = asyncio.Lock()
        self.news = News()
        self.turns = Turns(Memory(store, in_store, lambda: self.root, clock))

    def sign(self, offered: Publication) -> bytes:
        """The word that a release is current."""
        return self._timestampers.sign(offered, self._clock())

    def successors(self, version: int) -> tuple[Step, ...]:
        """The trust roots after `version`; 0 asks for none."""
        return rooting.successors(self._chain, version)

    @property
    def behind(self) -> bool:
        """Whether the newest release was read, or stored, and then could not be taken up."""
        return self._behind

    async def catch_up(self, *, again: bool = True) -> None:
        """Take up what was published and decided, here or by another coordinator.

        `again`: also judge anew what was refused, since the cause may have gone.
        """
        async with self.changing:
            await self._follow_roots()
            await self._follow_release(again=again)
            await self.turns.reread()
            self.tell()

    async def reload(self, root: TrustRoot, timestamp_key: SecretKey | None = None) -> TrustRoot:
        """Go on under another trust root of the same site, or under what was published after it.

        Gives the one in force. Raises RefusedError, changing nothing.

        With `timestamp_key` that one signs from now on. When the new root does not accept the
        current release, nothing is current until another is published.
        """
        if root.site != self.root.site:
            raise refused(
                Refusal.WRONG_SITE,
                f"cannot reload the trust root: it is for site {root.site!r}, not "
                f"{self.root.site!r}",
            )
        async with self.changing:
            # Since it was read from the disk another may have been published.
            root = rotation.follow(self._chain, root).root
            record = await self._in_store(self._store.newest_release)
            callers.allow(root, None)
            if timestamp_key is not None:
                self._timestampers = Timestampers(timestamp_key)
            await self._go_on_under(root, record)
            return self.root

    async def _go_on_under(self, root: TrustRoot, record: ReleaseRecord | None) -> None:
        """The trust root first, and whatever happens then: the store may fail at any time."""
        self.root = root
        self._set_current(None)
        await self._take_up(record)

    async def _follow_roots(self) -> None:
        """Go on under trust roots published elsewhere, and give back what the store has lost."""
        stored = await self._in_store(self._store.trust_roots)
        for step in stored:
            if step in self._chain or step.version < self.root.version:
                continue
            try:
                known = rooting.judge(
                    step.envelope, self.root, self._chain, self._timestampers.public
                )
            except errors.RefusedError as error:
                if error.code == Refusal.MISMATCH.value:
                    # It counts, and we could not serve under it: then not under the old one either.
                    raise errors.AdminError(
                        f"cannot go on under trust root {self.root.version}: {error}",
                        hint="put the keys and the trust root of the other coordinators here too",
                        code="MISMATCH",
                    ) from error
                if self._newly_doubted(str(step.version), str(error)):
                    logger.error("trust root %d in the database: %s", step.version, error)  # noqa: TRY400
                break
            await self._go_on(known)
        for step in self._chain:
            if step not in stored:
                await self._in_store(self._store.add_trust_root, step)

    async def _go_on(self, known: Judged) -> None:
        # All that may fail comes before the chain: what is in it is not looked at again.
        record = await self._in_store(self._store.newest_release)
        callers.allow(known.root, None)
        if known.step is not None:
            chain = (*self._chain, known.step)
            await asyncio.to_thread(self._lasting.keep_chain, chain)
            self._chain = chain
        if known.root is not self.root:
            await self._go_on_under(known.root, record)

    async def _follow_release(self, *, again: bool = True) -> None:
        """Take up the newest release of the store; one from a backup gets back what it lost."""
        record = await self._in_store(self._store.newest_release)
        kept = self._record
        if kept is not None and (record is None or record.serial < kept.serial):
            logger.error(
                "the database went back to release %d; release %d was published: it is put back",
                *(record.serial if record else 0, kept.serial),
            )
            await self._in_store(self._store.add_release, kept)
            record = kept
        # What is really current counts: what was only stored, or read, may have got no further.
        current = self.publication.sha256 if self.publication else ""
        other = record is not None and record.sha256 != current
        if self._behind or (other and (again or record.sha256 != self._refused)):
            await self._take_up(record)

    async def publish_root(self, envelope: bytes, operator: str) -> PublishedRoot:
        """Accept a successor of the trust root durably, or raise RefusedError."""
        async with self.changing:
            known = rooting.judge(envelope, self.root, self._chain, self._timestampers.public)
            callers.allow(known.root, None)
            if known.step is not None:
                # First where others see it: of two for one version the first one counts.
                await self._in_store(self._store.add_trust_root, known.step)
            fresh = known.root is not self.root
            if fresh:
                await self._chronicle.trusted(operator, known.root.version)
            await self._go_on(known)
            if fresh:
                logger.info(
                    "trust root %d published by %s",
                    *(known.root.version, operator),
                    extra=Message.TRUST_PUBLISHED.fields(OFFCTL_OPERATOR=operator),
                )
            return PublishedRoot(known.root.version, already_in_force=not fresh)

    async def publish(self, release: SignedRelease, operator: str) -> Published:
        """Accept a release durably and tell everybody, or raise RefusedError."""
        async with self.changing:
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
            publication.judge, release, self.root, floor=self._floor, now=now
        )
        current = self.publication
        if current is not None and current.serial == found.serial:
            return Published(found.serial, len(found.hosts), already_current=True)
        callers.allow(self.root, found)
        record = ReleaseRecord(found.serial, found.sha256, release, now, operator)
        await self._in_store(self._store.add_release, record)
        self._raise_floor(Floor(found.serial, found.sha256))
        self._record = record
        self._behind = True
        await self.turns.begin(found)
        await self._chronicle.published(operator, found.serial, len(found.hosts))
        self._set_current(found)
        self._behind = False
        logger.info(
            "release %d published by operator %s",
            *(found.serial, operator),
            extra=Message.RELEASE_PUBLISHED.fields(
                OFFCTL_SERIAL=str(found.serial), OFFCTL_OPERATOR=operator
            ),
        )
        return Published(found.serial, len(found.hosts), already_current=False)

    async def _take_up(self, record: ReleaseRecord | None) -> None:
        """Go on with the store's newest release, or with none."""
        self._behind = True
        found = await self._judged(record) if record else None
        # Whose turn it is first: whoever is told of a release asks for it at once.
        await self.turns.begin(found)
        self._set_current(found)
        self._behind = False

    async def _judged(self, record: ReleaseRecord) -> Publication | None:
        # The database is not trusted: what it holds is judged again at each start.
        now = self._clock()
        try:
            found = await asyncio.to_thread(
                publication.judge, record.release, self.root, floor=self._floor, now=now, kept=True
            )
            callers.allow(self.root, found)
        except errors.RefusedError as error:
            self._refuse(record, error)
            return None
        self._refused = ""
        self._doubted = {each for each in self._doubted if each[0] != record.sha256}
        self._record = record
        if found.serial > self._floor.serial:
            self._raise_floor(Floor(found.serial, found.sha256))
        return found

    def _refuse(self, record: ReleaseRecord, error: errors.RefusedError) -> None:
        self._refused = record.sha256
        if self._newly_doubted(record.sha256, error.code):
            logger.error(
                "release %d in the database is not accepted [%s]: %s; only operators are served "
                "until it is, or another one is published",
                *(record.serial, error.code, error),
                extra=Message.RELEASE_NOT_KEPT.fields(
                    OFFCTL_SERIAL=str(record.serial), OFFCTL_CODE=error.code
                ),
            )

    def _newly_doubted(self, what: str, why: str) -> bool:
        new = (what, why) not in self._doubted
        self._doubted.add((what, why))
        return new

    def _raise_floor(self, floor: Floor) -> None:
        self._floor = floor
        try:
            self._lasting.keep_floor(floor)
        except errors.AdminError as error:
            # The database has it too; the next start writes it again.
            logger.error("the floor is in the database only: %s", error)  # noqa: TRY400

    def _set_current(self, found: Publication | None) -> None:
        self.allowed = callers.allow(self.root, found)
        self.publication = found
        self.tell()

    def tell(self) -> None:
        """Tell whoever watches; they look what they are offered."""
        found = self.publication
        wave = self.turns.rollout.wave
        self.news.tell(Announcement(found.serial, found.sha256, wave) if found else None)
