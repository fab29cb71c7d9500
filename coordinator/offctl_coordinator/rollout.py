"""Whose turn it is: which release each host is offered, wave by wave. Pure.

* A new release is offered to the lowest wave at once; a host of a later one goes on being offered
  what it was offered last. No host is ever offered less than before.
* The next wave has its turn when every host of the waves before it reported, for as long as its
  own soak, that it has this release and is right. Another report, or silence, begins that anew.
* A host that has this release and failed halts everything, until somebody resumes or a newer one is
  published. A pause does the same and outlives a new release. Promoting opens one wave all the
  same, and no other.

What is decided here only delays: a host believes signatures, never its turn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import json

from offctl import errors
from offctl.status import State, Verdict
from offctl.tables import Table
from offctl.trust.manifest import HostEntry, Manifest

MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Rollout:
    """`wave` is the highest that has its turn; `offers` maps hosts to the serial they get.

    `paused` and `halted` are empty, or say why no further wave gets its turn.
    """

    serial: int = 0
    wave: int = 0
    offers: Mapping[str, int] = field(default_factory=dict)
    paused: str = ""
    halted: str = ""

    def dump(self) -> str:
        return json.dumps(
            {
                "serial": self.serial,
                "wave": self.wave,
                "offers": dict(sorted(self.offers.items())),
                "paused": self.paused,
                "halted": self.halted,
            }
        )


def parse(text: str) -> Rollout:
    """Read what `dump` wrote; raises MalformedError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise errors.MalformedError("cannot read the rollout: it is not JSON") from None
    if not isinstance(document, dict):
        raise errors.MalformedError("cannot read the rollout: it is not an object")
    table = Table(document, "the rollout")
    offers = table.table("offers")
    rollout = Rollout(
        serial=table.integer("serial"),
        wave=table.integer("wave"),
        offers={host: offers.integer(host) for host in document["offers"]},
        paused=table.string("paused"),
        halted=table.string("halted"),
    )
    table.finish()
    return rollout


@dataclass(frozen=True, slots=True)
class Spell:
    """An unbroken row of good reports about one release: when the first and the last came in.

    It is broken by another report, by none for longer than `gap`, and by a clock that jumps.
    """

    since: datetime
    last: datetime
    gap: timedelta

    def broken(self, now: datetime) -> bool:
        return abs(now - self.last) > self.gap

    def lasted(self, soak: int) -> bool:
        return self.last - self.since >= timedelta(seconds=soak)


def begin(manifest: Manifest, before: Rollout) -> Rollout:
    """A new release: the lowest wave has its turn."""
    kept = {e.host: before.offers[e.host] for e in manifest.hosts if e.host in before.offers}
    started = Rollout(manifest.serial, 0, kept, before.paused)
    return opened(started, manifest, min(entry.wave for entry in manifest.hosts))


def opened(rollout: Rollout, manifest: Manifest, wave: int) -> Rollout:
    """The same with every wave up to `wave` having its turn."""
    turn = {entry.host: manifest.serial for entry in manifest.hosts if entry.wave <= wave}
    return replace(rollout, wave=wave, offers={**rollout.offers, **turn})


def next_wave(rollout: Rollout, manifest: Manifest) -> int:
    """The wave whose turn comes after this; 0 when all have it."""
    later = [entry.wave for entry in manifest.hosts if entry.wave > rollout.wave]
    return min(later, default=0)


def offered(rollout: Rollout, manifest: Manifest) -> Iterator[HostEntry]:
    """The hosts that have their turn."""
    return (entry for entry in manifest.hosts if rollout.offers.get(entry.host) == manifest.serial)


def healthy(verdict: Verdict, *, audited: bool) -> bool:
    """Whether a report about the newest release is a good one; an audit only reports."""
    return verdict.state is State.CONVERGED or (audited and verdict.state is State.DRIFT)


def heard(rollout: Rollout, host: str, verdict: Verdict, *, has_it: bool) -> Rollout:
    """What a report changes at once: a failure halts; whoever has the release was offered it."""
    if not has_it:
        return rollout
    known = replace(rollout, offers={**rollout.offers, host: rollout.serial})
    if verdict.state is not State.FAILED or rollout.halted:
        return known
    # One line, whatever the host wrote: it is shown as a line of its own.
    said = " ".join(verdict.reason.split())
    return replace(known, halted=f"{host}: {said}"[:MAX_REASON])


def advanced(
    rollout: Rollout, manifest: Manifest, spells: Mapping[str, Spell], now: datetime
) -> Rollout:
    """The rollout with the next wave's turn, if the waves before have shown that they are right."""
    following = next_wave(rollout, manifest)
    if not following or rollout.paused or rollout.halted:
        return rollout
    for entry in manifest.hosts:
        spell = spells.get(entry.host)
        if entry.wave > rollout.wave:
            continue
        if spell is None or spell.broken(now) or not spell.lasted(entry.soak):
            return rollout
    return opened(rollout, manifest, following)
