"""From what differs on a container to the calls of `pct set` that remove it, in their order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from offctl.desired.model import BindMount, Container
from offctl.observed import ObservedContainer
from offctl.planner import actions, resources, settings
from offctl.planner.draft import ABSENT, Draft
from offctl.planner.settings import Change
from offctl.report import Difference

# PVE refuses to change mount points of a protected container.
PROTECTION = "protection"


def plan(container: Container, there: ObservedContainer, draft: Draft, *, audited: bool) -> bool:
    """Plan what `pct set` must change; True when there is such a call."""
    found = list(settings.compare(container, there.configuration, draft, running=there.running))
    for obstacle in found:
        if isinstance(obstacle, settings.Obstacle):
            draft.blocked(
                resources.container(container.id, container.name),
                f"set {obstacle.difference.field}",
                obstacle.reason,
                [obstacle.difference],
            )
    changes = [change for change in found if isinstance(change, Change)]
    calls = _Calls(container, there, draft, audited)
    calls.plan(calls.plan_waiting(changes))
    return any(isinstance(item, Change) for item in found)


def in_order(options: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Options by name, those with a number by the number: mp2 before mp10."""
    return tuple(sorted(options.items(), key=_by_number))


@dataclass(frozen=True, slots=True)
class _Calls:
    container: Container
    there: ObservedContainer
    draft: Draft
    audited: bool

    def plan_waiting(self, changes: list[Change]) -> list[Change]:
        """Forget what waits for a key that goes: `--delete` would leave it, to be applied later.

        Where nothing but the waiting value exists, forgetting it is the whole change.
        """
        waiting = dict(self.there.configuration.pending)
        left, stale = [], []
        for change in changes:
            keys = [key for key in change.delete if key in waiting]
            if keys and all(self._active(key) is None for key in change.delete):
                left.append(Change(change.difference, revert=change.delete))
                continue
            stale += [Change(Difference(f"pending {k}", waiting[k], ABSENT)) for k in keys]
            left.append(change)
            if keys:
                stale[-1].revert = tuple(keys)
        if stale:
            self.set(stale, "forget what waits")
        return left

    def plan(self, changes: list[Change]) -> None:
        """Everything in one call, unless protection has to go before mount points can change."""
        drives = any(_drives(change) for change in changes)
        protected = drives and self._active(PROTECTION) == "1"
        lifting = [c for c in changes if protected and PROTECTION in _touched(c)]
        if lifting:
            self.set(lifting, "lift protection")
        rest = [change for change in changes if change not in lifting]
        if rest:
            self.set(rest, protected=protected and not lifting)

    def set(self, changes: list[Change], text: str = "", *, protected: bool = False) -> None:
        """One `pct set` for all of `changes`."""
        options = {key: value for change in changes for key, value in change.options.items()}
        waits = any(change.waits for change in changes)
        self.draft.step(
            resources.container(self.container.id, self.container.name),
            text or (settings.AFTER_RESTART if waits else "set"),
            actions.SetContainer(
                self.container.id,
                options=in_order(options),
                delete=tuple(key for change in changes for key in change.delete),
                revert=tuple(key for change in changes for key in change.revert),
                before=tuple((k, self._active(k) or "") for c in changes for k in _touched(c)),
                protected=protected,
            ),
            differences=[change.difference for change in changes],
            requires=self._sources_of(changes),
            container=self.container.id,
            audited=self.audited,
        )

    def _active(self, key: str) -> str | None:
        return self.there.configuration.option(key)

    def _sources_of(self, changes: Iterable[Change]) -> list[str]:
        wanted = {change.source for change in changes if change.source}
        keys = []
        for mount in self.container.mounts:
            if isinstance(mount, BindMount) and mount.source in wanted:
                keys += resources.shown_by(mount)
        return list(dict.fromkeys(keys))


def _touched(change: Change) -> tuple[str, ...]:
    return (*change.options, *change.delete, *change.revert)


def _drives(change: Change) -> bool:
    return any(key.startswith("mp") for key in (*change.options, *change.delete))


def _by_number(item: tuple[str, str]) -> tuple[str, int]:
    letters = item[0].rstrip("0123456789")
    return letters, int(item[0][len(letters) :] or 0)
