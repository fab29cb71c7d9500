"""The rollout of the newest release, kept durably: what each host is offered, and what it showed.

Rules are those of `rollout`. How long hosts have been right is not kept: after a restart of the
coordinator they show it again, so that a wave can only come later, never sooner.
"""

from dataclasses import dataclass, replace
from datetime import datetime
import enum
import logging

from offctl import errors, status
from offctl.messages import Message
from offctl.report import Report
from offctl.status import Verdict
from offctl.trust.manifest import Manifest
from offctl_coordinator import rollout as rollouts
from offctl_coordinator.memory import Memory
from offctl_coordinator.publication import Publication
from offctl_coordinator.rollout import Rollout, Spell

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
    """Call `start` first; `begin` with each new release."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._older: dict[int, Publication] = {}
        self._newest: Publication | None = None
        self.rollout = Rollout()
        self.spells: dict[str, Spell] = {}

    async def start(self) -> None:
        """Take up what was kept; what cannot be read begins anew with the newest release."""
        text = await self._memory.recall()
        try:
            self.rollout = rollouts.parse(text) if text else Rollout()
        except errors.MalformedError as error:
            logger.warning("%s; the rollout begins anew with its first wave", error)

    async def begin(self, newest: Publication | None) -> None:
        """Go on with `newest`, durable already; a new serial begins with its first wave."""
        if newest is not None and newest.serial != self.rollout.serial:
            self.spells = {}
            await self._keep(rollouts.begin(newest.accepted.manifest, self.rollout))
        self._newest = newest
        await self._find_older()

    def offer(self, host: str) -> Publication | None:
        """The release this host is offered; None when its first turn has not come."""
        serial = self.rollout.offers.get(host, 0)
        newest = self._newest
        return newest if newest and serial == newest.serial else self._older.get(serial)

    async def heard(self, report: Report, verdict: Verdict, now: datetime) -> bool:
        """Take a report in; True when another wave got its turn."""
        newest, host = self._newest, report.host
        if newest is None or newest.host(host) is None:
            return False
        has_it = report.manifest_sha256 == newest.sha256
        if has_it and rollouts.healthy(verdict, audited=report.mode == "audit"):
            before = self.spells.get(host)
            since = now if before is None or before.broken(now) else before.since
            self.spells[host] = Spell(since, now, status.silence(report))
        else:
            self.spells.pop(host, None)
        kept = self.rollout
        after = rollouts.heard(kept, host, verdict, has_it=has_it)
        after = rollouts.advanced(after, newest.accepted.manifest, self.spells, now)
        if after != kept:
            await self._keep(after)
        if after.halted and not kept.halted:
            halted = Message.ROLLOUT_HALTED.fields(
                OFFCTL_SERIAL=str(after.serial), OFFCTL_HOST=host
            )
            logger.error(
                "rollout of release %d halted: %s", after.serial, after.halted, extra=halted
            )
        return self._told(kept)

    async def steer(self, steering: Steering) -> bool:
        """Do what an operator asks; True when another wave got its turn. Raises RefusedError."""
        newest, before = self._newest, self.rollout
        if newest is None or (steering.serial, steering.wave) != (before.serial, before.wave):
            raise errors.RefusedError(
                f"cannot {steering.order.value}: the rollout is at release {before.serial}, wave "
                f"{before.wave}, not at release {steering.serial}, wave {steering.wave}",
                hint="look at `offctl rollout status` again",
                code="ROLLOUT_MOVED",
            )
        after = _steered(before, newest.accepted.manifest, steering)
        await self._keep(after)
        logger.info(
            "rollout of release %d: %s by operator %s",
            *(after.serial, steering.order.value, steering.operator),
            extra=Message.ROLLOUT_STEERED.fields(
                OFFCTL_SERIAL=str(after.serial), OFFCTL_OPERATOR=steering.operator
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

    async def _keep(self, rollout: Rollout) -> None:
        await self._memory.keep(rollout.dump())
        self.rollout = rollout

    async def _find_older(self) -> None:
        """Hold what some host still gets, judged anew: the trust root may be another."""
        current = self._newest.serial if self._newest else 0
        wanted = {serial for serial in self.rollout.offers.values() if serial != current}
        found: dict[int, Publication] = {}
        for serial in sorted(wanted):
            older = await self._memory.release(serial)
            if older is None:
                logger.warning("release %d is not here any more; its hosts keep it", serial)
            else:
                found[serial] = older
        self._older = found


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
