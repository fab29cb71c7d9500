"""The rollout of the newest release, kept durably: what each host is offered, and what it showed.

Rules are those of `rollout`. What is held here is a mirror: whatever it makes worth deciding is
decided in the store, over what is there, by one coordinator at a time. A mirror that is behind can
only make a wave come later, never sooner.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
import enum
import logging
from typing import TypeAlias

from offctl import errors, status
from offctl.messages import Message
from offctl.report import Report
from offctl.status import Verdict
from offctl.trust.manifest import Manifest
from offctl_coordinator import rollout as rollouts
from offctl_coordinator.memory import Memory
from offctl_coordinator.publication import Publication
from offctl_coordinator.rollout import Rollout, Spell
from offctl_coordinator.store.records import SpellChange, SpellRecord

logger = logging.getLogger(__name__)


class Order(enum.Enum):
    """What an operator may do to a rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"


@dataclass(frozen=True, slots=True)
class Steering:
    """An order about the rollout as its operator saw it: at this serial and wave."""

    order: Order
    serial: int
    wave: int
    operator: str
    reason: str = ""


class Turns:
    """Call `begin` with each new release, `reread` when another coordinator decided."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._older: dict[int, Publication] = {}
        self._missed: set[int] = set()
        self._newest: Publication | None = None
        self.rollout = Rollout()
        self.spells: dict[str, Spell] = {}
        # What the last decision made here began with, and what it made of it.
        self.decided = self.rollout, self.rollout

    async def reread(self) -> None:
        """Take up what is kept; what cannot be read begins anew with the newest release."""
        text, records = await self._memory.recall()
        self.rollout = _parsed(text)
        self.spells = self._spells(records)
        await self.begin(self._newest)

    async def begin(self, newest: Publication | None) -> None:
        """Go on with `newest`, durable already; a higher serial begins with its first wave."""
        if newest is not None and newest.serial > self.rollout.serial:
            manifest = newest.accepted.manifest
            await self._decide(
                lambda kept, _: rollouts.begin(manifest, kept)
                if kept.serial < manifest.serial
                else kept
            )
            self.spells = {}
        self._newest = newest
        await self._find_older()

    def offer(self, host: str) -> Publication | None:
        """The release this host is offered; None when its first turn has not come."""
        serial = self.rollout.offers.get(host, 0)
        newest = self._newest
        return newest if newest and serial == newest.serial else self._older.get(serial)

    def spell_after(self, report: Report, verdict: Verdict, now: datetime) -> SpellChange:
        """What a report makes of its host's spell."""
        newest = self._newest
        sha256 = newest.sha256 if newest and newest.host(report.host) else ""
        right = rollouts.healthy(verdict, audited=report.mode == "audit")
        gap = status.silence(report)

        def after(before: SpellRecord | None) -> SpellRecord | None:
            if not right or not sha256 or report.manifest_sha256 != sha256:
                return None
            known = before if before and before.sha256 == sha256 else None
            goes_on = known is not None and not _spell(known).broken(now)
            since = known.since if known and goes_on else now
            return SpellRecord(report.host, sha256, since, now, gap)

        return after

    async def heard(
        self, report: Report, verdict: Verdict, spell: SpellRecord | None, now: datetime
    ) -> bool:
        """Take a report in; True when another wave got its turn."""
        self.decided = self.rollout, self.rollout
        newest, host = self._newest, report.host
        if newest is None or newest.host(host) is None:
            return False
        self.spells.pop(host, None)
        self.spells.update(self._spells([spell] if spell else []))
        has_it = report.manifest_sha256 == newest.sha256
        manifest = newest.accepted.manifest

        def judged(kept: Rollout, spells: Mapping[str, Spell]) -> Rollout:
            if kept.serial != manifest.serial:
                return kept
            after = rollouts.heard(kept, host, verdict, has_it=has_it)
            return rollouts.advanced(after, manifest, spells, now)

        return await self._judge(judged)

    async def overheard(self, hosts: Collection[str], now: datetime) -> bool:
        """Look again after these reported elsewhere; True when another wave got its turn."""
        self.decided = self.rollout, self.rollout
        newest = self._newest
        if newest is None:
            return False
        manifest = newest.accepted.manifest
        for host in hosts:
            self.spells.pop(host, None)
        self.spells.update(self._spells(await self._memory.spells(hosts)))
        return await self._judge(
            lambda kept, spells: rollouts.advanced(kept, manifest, spells, now)
            if kept.serial == manifest.serial
            else kept
        )

    async def _judge(self, judged: "_Change") -> bool:
        """Decide, where there is something to decide; True when another wave got its turn."""
        kept = self.rollout
        if judged(kept, self.spells) == kept:
            return False
        await self._decide(judged)
        before, after = self.decided
        if after.halted and not before.halted:
            halted = Message.ROLLOUT_HALTED.fields(
                OFFCTL_SERIAL=str(after.serial), OFFCTL_HOST=after.halted.partition(":")[0]
            )
            logger.error(
                "rollout of release %d halted: %s", after.serial, after.halted, extra=halted
            )
        return self._told(kept)

    async def steer(self, steering: Steering) -> bool:
        """Do what an operator asks; True when another wave got its turn. Raises RefusedError."""
        newest, before = self._newest, self.rollout

        def steered(kept: Rollout, _: Mapping[str, Spell]) -> Rollout:
            if newest is None or (steering.serial, steering.wave) != (kept.serial, kept.wave):
                raise errors.RefusedError(
                    f"cannot {steering.order.value}: the rollout is at release {kept.serial}, wave "
                    f"{kept.wave}, not at release {steering.serial}, wave {steering.wave}",
                    hint="look at `offctl rollout status` again",
                    code="ROLLOUT_MOVED",
                )
            return _steered(kept, newest.accepted.manifest, steering)

        await self._decide(steered)
        logger.info(
            "rollout of release %d: %s by operator %s",
            *(self.rollout.serial, steering.order.value, steering.operator),
            extra=Message.ROLLOUT_STEERED.fields(
                OFFCTL_SERIAL=str(self.rollout.serial), OFFCTL_OPERATOR=steering.operator
            ),
        )
        return self._told(before)

    def _told(self, before: Rollout) -> bool:
        if self.rollout.wave == before.wave:
            return False
        rollout = self.rollout
        begun = Message.WAVE_BEGUN.fields(OFFCTL_SERIAL=str(rollout.serial))
        logger.info("release %d: wave %d has its turn", rollout.serial, rollout.wave, extra=begun)
        return True

    async def _decide(self, change: "_Change") -> None:
        def decision(text: str, records: tuple[SpellRecord, ...]) -> str:
            kept = _parsed(text)
            after = change(kept, self._spells(records))
            self.decided = kept, after
            return text if after == kept else after.dump()

        self.rollout = _parsed(await self._memory.decide(decision))

    def _spells(self, records: Iterable[SpellRecord]) -> dict[str, Spell]:
        """Those about the newest release."""
        sha256 = self._newest.sha256 if self._newest else ""
        return {each.host: _spell(each) for each in records if each.sha256 == sha256}

    async def _find_older(self) -> None:
        """Hold what some host still gets, judged anew: the trust root may be another."""
        current = self._newest.serial if self._newest else 0
        wanted = {serial for serial in self.rollout.offers.values() if serial != current}
        found: dict[int, Publication] = {}
        for serial in sorted(wanted):
            older = await self._memory.release(serial)
            if older is not None:
                found[serial] = older
            elif serial not in self._missed:
                logger.warning("release %d is not here any more; its hosts keep it", serial)
        self._older, self._missed = found, wanted - set(found)


_Change: TypeAlias = Callable[[Rollout, Mapping[str, Spell]], Rollout]


def _spell(record: SpellRecord) -> Spell:
    return Spell(record.since, record.last, record.gap)


def _parsed(text: str) -> Rollout:
    try:
        return rollouts.parse(text) if text else Rollout()
    except errors.MalformedError as error:
        logger.warning("%s; the rollout begins anew with its first wave", error)
        return Rollout()


def _steered(rollout: Rollout, manifest: Manifest, steering: Steering) -> Rollout:
    if steering.order is Order.PAUSE:
        return replace(rollout, paused=f"by {steering.operator}: {steering.reason}")
    if steering.order is Order.RESUME:
        return replace(rollout, paused="", halted="")
    following = rollouts.next_wave(rollout, manifest)
    if not following:
        raise errors.RefusedError(
            f"cannot promote: every wave of release {rollout.serial} has its turn",
            code="NOTHING_LEFT",
        )
    return rollouts.opened(rollout, manifest, following)


def waiting(turns: Turns, host: str) -> str:
    """Why a host is not offered the newest release yet, in words; empty when it is."""
    rollout = turns.rollout
    if not rollout.serial or rollout.offers.get(host) == rollout.serial:
        return ""
    stopped = rollout.halted and f"halted: {rollout.halted}"
    stopped = stopped or (rollout.paused and f"paused {rollout.paused}")
    return f"release {rollout.serial} waits for wave {rollout.wave}" + (
        f", {stopped}" if stopped else " to be right for its soak"
    )
