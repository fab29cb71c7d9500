"""Changes on trial: what a container was before them, until its probe says whether it is well.

A trial is durable before its first change. What is noted of it is what the host said right before
each change, so that going back needs nothing but the trial, whatever was interrupted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
import hashlib

from offctl import errors
from offctl.desired.model import Container, DesiredState, IdRange
from offctl_agent.host.protocol import Host
from offctl_agent.observed import ObservedState
from offctl_agent.planner import actions as act
from offctl_agent.planner.actions import Action
from offctl_agent.planner.delta import Change

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """`before` holds the earliest value ("" for absent) of every key that was changed.

    `idmap` are the lxc.idmap values before, None when they were not changed; `restarted` says
    whether the changes took a restart; `text` is the hash of what the text says of the container.
    """

    container: int
    text: str
    before: Pairs = ()
    idmap: tuple[str, ...] | None = None
    restarted: bool = False

    def noting(self, action: Action) -> "Trial":
        """The trial with one more change about to happen."""
        match action:
            case act.SetContainer(before=before):
                known = dict(self.before)
                return replace(self, before=tuple({**dict(before), **known}.items()))
            case act.SetIdmap(before=before) if self.idmap is None:
                return replace(self, idmap=before)
            case act.RestartContainer():
                return replace(self, restarted=True)
            case _:
                return self


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
        self._host = host
        self._keep = keep
        self._probed = {c.id: c for c in desired.containers if c.probe is not None}

    def observe(self, desired: DesiredState) -> ObservedState:
        return self._host.observe(desired)

    def probe(self, number: int, command: tuple[str, ...]) -> str:
        return self._host.probe(number, command)

    def execute(self, action: Action) -> None:
        """Note first, then do. Raises what the host raises, and AdminError for the note."""
        if isinstance(action, act.SetContainer | act.SetIdmap | act.RestartContainer):
            self._note(action)
        self._host.execute(action)

    def _note(self, action: act.SetContainer | act.SetIdmap | act.RestartContainer) -> None:
        container = self._probed.get(action.id)
        if container is None or container.probe is None or action.id in self.unwell:
            return
        trial = self.trials.get(action.id)
        if trial is None:
            if said := well(self._host, action.id, container.probe.command):
                self.unwell[action.id] = said
                return
            trial = Trial(action.id, text_hash(container))
        self.trials[action.id] = trial.noting(action)
        self._keep(self.trials.values())


def well(host: Host, number: int, command: tuple[str, ...]) -> str:
    """Empty when the probe succeeds; else what it said, or why it could not be asked."""
    try:
        return host.probe(number, command)
    except errors.HostError as error:
        return f"{error}"


def inverse(trial: Trial, active: Pairs, lines: tuple[str, ...]) -> tuple[Action, ...]:
    """What brings a container back; `active` and `lines` are its options and id-map now."""
    now = dict(active)
    different = {k: v for k, v in trial.before if now.get(k, "") != v}
    found: list[Action] = []
    if trial.idmap is not None and lines != trial.idmap:
        found.append(act.SetIdmap(trial.container, _ranges(trial.idmap), lines))
    if different:
        drives = any(key.startswith("mp") for key in different)
        found.append(
            act.SetContainer(
                trial.container,
                options=tuple((k, v) for k, v in different.items() if v),
                delete=tuple(k for k, v in different.items() if not v),
                revert=(),
                before=tuple((k, now.get(k, "")) for k in different),
                protected=drives and now.get("protection") == "1" and "protection" not in different,
            )
        )
    return tuple(found)


def _ranges(lines: Iterable[str]) -> tuple[IdRange, ...]:
    split = (line.split() for line in lines)
    return tuple(IdRange(kind, int(i), int(o), int(count)) for kind, i, o, count in split)
