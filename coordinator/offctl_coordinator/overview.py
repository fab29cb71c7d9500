"""The site as a whole: what is not right, worst first, and of what is right only how much. Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
import heapq

from offctl import concerns
from offctl.concerns import Concern
from offctl.status import RIGHT, UNHEARD, State
from offctl_coordinator.rollout import Rollout
from offctl_coordinator.roster import HostView, Roster

MAX_AWAITED = 5

# Whose turn has not come is told of as that, in one line.
_COUNTED = RIGHT | {State.QUEUED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the rollout is: `awaited` are hosts that have not been right for their soak yet.

    `waiting` counts those whose turn has not come.
    """

    rollout: Rollout
    waves: tuple[int, ...]
    waiting: int
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What an operator is shown first; `hosts` and `concerns` are worst first."""

    roster: Roster
    states: tuple[tuple[State, int], ...]
    hosts: tuple[HostView, ...]
    hosts_left_out: int
    concerns: tuple[Concern, ...]
    concerns_left_out: int
    progress: Progress | None


def overview(roster: Roster, now: datetime, *, limit: int, every_host: bool) -> Overview:
    """At most `limit` hosts that are not right, or every host, and at most `limit` concerns."""
    views = [roster.view(name, now) for name in roster.names()]
    states = Counter(view.verdict.state for view in views)
    shown = views if every_host else [v for v in views if v.verdict.state not in _COUNTED]
    most = len(shown) if every_host else limit
    order = {state: number for number, state in enumerate(State)}
    worst = heapq.nsmallest(most, shown, key=lambda v: (order[v.verdict.state], v.host))
    heard = {
        view.host: None
        if view.verdict.state in UNHEARD or view.host not in roster.standings
        else roster.standings[view.host].report
        for view in views
    }
    known = concerns.concerns(heard, now)
    return Overview(
        roster=roster,
        states=tuple((state, states[state]) for state in State if states[state]),
        hosts=tuple(worst),
        hosts_left_out=len(shown) - len(worst),
        concerns=tuple(known[:limit]),
        concerns_left_out=max(0, len(known) - limit),
        progress=_progress(roster, now),
    )


def _progress(roster: Roster, now: datetime) -> Progress | None:
    if roster.publication is None or roster.turns is None:
        return None
    rollout, spells = roster.turns.rollout, roster.turns.spells
    entries = roster.publication.accepted.manifest.hosts
    waiting = sum(rollout.offers.get(entry.host) != rollout.serial for entry in entries)
    awaited = []
    for entry in entries if waiting else ():
        spell = spells.get(entry.host)
        right = spell is not None and not spell.broken(now) and spell.lasted(entry.soak)
        if entry.wave <= rollout.wave and not right:
            awaited.append(entry.host)
    waves = tuple(sorted({entry.wave for entry in entries}))
    return Progress(rollout, waves, waiting, tuple(awaited))
