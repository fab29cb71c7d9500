"""Changes on trial: what a container was before them, until its probe says whether it is well.

A trial is durable before its first change. What is noted of it is what the host said right before
each change, so that going back needs nothing but the trial, whatever was interrupted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
import hashlib

from offctl import errors
from offctl.desired.model import Container, DesiredState, IdRange
from offctl.observed import Configuration, ObservedContainer, ObservedState
from offctl.planner import actions as act
from offctl.planner import delta
from offctl.planner.actions import Action
from offctl.planner.delta import Change
from offctl.planner.plan import Plan
from offctl_agent.host.protocol import Host
from offctl_agent.host.traces import Traces

Pairs = tuple[tuple[str, str], ...]
# What a trial is about.
Tried = act.SetContainer | act.SetIdmap | act.RestartContainer


@dataclass(frozen=True, slots=True)
class Trial:
    """`before` holds the earliest value ("" for absent) of every key that was changed.

    `idmap` are the lxc.idmap values before, None when they were not changed; `changes` what was
    wanted by them; `restarted` says whether they took a restart, and `condemned` that it has been
    decided to take them back. `text` is the hash of what the text says of the container.
    """

    container: int
    text: str
    before: Pairs = ()
    idmap: tuple[str, ...] | None = None
    changes: frozenset[Change] = frozenset()
    restarted: bool = False
    condemned: bool = False

    def noting(self, action: Tried, changes: Iterable[Change]) -> "Trial":
        """The trial with one more change about to happen."""
        wanted = self.changes | frozenset(changes)
        match action:
            case act.SetContainer(before=before):
                known = {**dict(before), **dict(self.before)}
                return replace(self, before=tuple(known.items()), changes=wanted)
            case act.SetIdmap(before=before):
                idmap = before if self.idmap is None else self.idmap
                return replace(self, idmap=idmap, changes=wanted)
        return replace(self, restarted=True)


@dataclass(frozen=True, slots=True)
class Undone:
    """A change that was taken back; it is not tried again while the text says the same.

    `changes` are what is not to be done again; `reason` is what the probe said.
    """

    container: int
    text: str
    changes: frozenset[Change]
    reason: str
    time: str


def text_hash(container: Container) -> str:
    """What the text says of a container; a freeze is no part of it."""
    return hashlib.sha256(repr(replace(container, freeze=None)).encode()).hexdigest()


class OnTrial:
    """A Host that notes before each change of a container with a probe how to take it back.

    `trials` holds those that are open; `keep` makes them durable. A container that was not well
    before has no trial: going back would not help it, and `unwell` remembers what it said.
    `plain` is the host itself.
    """

    def __init__(
        self,
        host: Host,
        desired: DesiredState,
        trials: Iterable[Trial],
        keep: Callable[[Iterable[Trial]], None],
    ) -> None:
        self.trials = {trial.container: trial for trial in trials}
        self.unwell: dict[int, str] = {}
        self.plain = host
        self._keep = keep
        self._changes: dict[Action, tuple[Change, ...]] = {}
        self._running: frozenset[int] = frozenset()
        self._probed = {c.id: c for c in desired.containers if c.probe is not None}

    def expect(self, plan: Plan) -> None:
        """What the actions that may come are for."""
        self._changes = {
            step.action: tuple(delta.changes([step])) for step in plan if step.action is not None
        }

    def observe(self, desired: DesiredState) -> ObservedState:
        found = self.plain.observe(desired)
        if isinstance(found.containers, tuple):
            seen = (c for c in found.containers if isinstance(c, ObservedContainer))
            self._running = frozenset(c.id for c in seen if c.running)
        return found

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return self.plain.probe(number, command)

    def traces(self, after: datetime, *, tasks: bool, pools: tuple[str, ...]) -> Traces:
        return self.plain.traces(after, tasks=tasks, pools=pools)

    def execute(self, action: Action) -> None:
        """Note first, then do. Raises what the host raises, and AdminError for the note."""
        if isinstance(action, Tried):
            self._note(action)
        self.plain.execute(action)

    def _note(self, action: Tried) -> None:
        container = self._probed.get(action.id)
        if container is None or container.probe is None or action.id in self.unwell:
            return
        trial = self.trials.get(action.id)
        if trial is None:
            if isinstance(action, act.RestartContainer) or action.id not in self._running:
                return  # nothing of ours comes into effect by it, or nothing can be asked
            if said := well(self.plain, action.id, container.probe.command):
                self.unwell[action.id] = said
                return
            trial = Trial(action.id, text_hash(container))
        trial = replace(trial, text=text_hash(container))
        self.trials[action.id] = trial.noting(action, self._changes.get(action, ()))
        self._keep(self.trials.values())


def well(host: Host, number: int, command: tuple[str, ...]) -> str:
    """Empty when the probe succeeds; else what it said, or why it could not be asked."""
    try:
        return host.probe(number, command)
    except errors.HostError as error:
        return f"{error}"


def inverse(trial: Trial, now: Configuration, lines: tuple[str, ...]) -> tuple[Action, ...]:
    """What brings a container back; `lines` is its id-map now."""
    active = dict(now.options)
    # What waits for a restart is written already.
    written = {**active, **dict(now.pending)}
    for key in now.pending_delete:
        written.pop(key, None)
    different = {k: v for k, v in trial.before if written.get(k, "") != v}
    found: list[Action] = []
    if trial.idmap is not None and lines != trial.idmap:
        found.append(act.SetIdmap(trial.container, _ranges(trial.idmap), lines))
    if different:
        drives = any(key.startswith("mp") for key in different)
        guarded = active.get("protection") == "1" and "protection" not in different
        found.append(
            act.SetContainer(
                trial.container,
                options=tuple((k, v) for k, v in different.items() if v),
                delete=tuple(k for k, v in different.items() if not v),
                revert=(),
                before=tuple((k, active.get(k, "")) for k in different),
                protected=drives and guarded,
            )
        )
    return tuple(found)


def _ranges(lines: Iterable[str]) -> tuple[IdRange, ...]:
    split = (line.split() for line in lines)
    return tuple(IdRange(kind, int(i), int(o), int(count)) for kind, i, o, count in split)
