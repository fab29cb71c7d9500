"""What a host will plan for a text it has not got yet, from its last view of itself.

The same planner, over what the host saw. What the host looks at only because a text asks is told
apart: it is foreseen where it follows from what is known, and else said to be unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from offctl.desired import tunnelplaces
from offctl.desired.model import BindMount, Container, DesiredState
from offctl.observed import Effective, ObservedContainer, ObservedState, Unknown
from offctl.planner import (
    debts,
    directories,
    foreseentunnels,
    idmaps,
    planner,
    resources,
    settings,
    tunnels,
)
from offctl.planner.actions import SetContainer, SetIdmap, StartContainer
from offctl.planner.plan import Effect, Finding, Plan, Resource, Step
from offctl.planner.view import HIDDEN, View

NOT_ASKED = "the host has not looked at it yet: only this text speaks of it"


@dataclass(frozen=True, slots=True)
class Later:
    """What the steps of a plan bring with them, and a later plan will say."""

    resource: Resource
    text: str
    effect: Effect
    container: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """`unknown` is what only the host can tell; `later` what follows when the steps are done."""

    plan: Plan
    unknown: tuple[Finding, ...] = ()
    later: tuple[Later, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the host will plan this to the last word, and know it by the same hash."""
        unlooked = any(finding.reason == NOT_ASKED for finding in self.plan.findings)
        seen = [d.observed for step in self.plan for d in step.differences]
        guessed = any(foreseentunnels.CHANGED in each for each in seen)
        return not (self.unknown or unlooked or guessed)


def foresee(desired: DesiredState, view: View) -> Foreseen:
    """The plan that the host will make of `desired` as long as nothing changes there. Pure."""
    asked = debts.added(desired, view.debts)
    instances, untold = foreseentunnels.instances(desired, view)
    observed = replace(
        view.observed, directories=tuple(_directories(asked, view)), tunnels=instances
    )
    plan = planner.plan(asked, observed, view.remembered())
    unknown = (*untold, *_unlooked(desired, view), *_hidden(plan))
    return Foreseen(plan, tuple(dict.fromkeys(unknown)), tuple(_later(desired, observed, plan)))


def _directories(desired: DesiredState, view: View) -> Iterator[directories.Seen]:
    """What the text asks about: as it was seen, else not known."""
    seen = dict(view.observed.directories)
    for path in directories.asked(desired):
        yield path, seen[path] if path in seen else Unknown(NOT_ASKED)


def _unlooked(desired: DesiredState, view: View) -> Iterator[Finding]:
    """Services and user properties that nobody has asked this host about."""
    running = _running(view.observed)
    for container in desired.containers:
        for name in container.services if container.id in running else ():
            resource = resources.service(container.id, name, container.name)
            if resource.key not in view.services:
                yield Finding(resource, "unknown", NOT_ASKED)
    there = () if isinstance(view.observed.datasets, Unknown) else view.observed.datasets
    present = {each.name for each in there}
    for dataset in desired.datasets:
        for name in (*(key for key, _ in dataset.properties), *dataset.inherit):
            if ":" in name and name not in view.user_properties and dataset.name in present:
                why = f"whether it has {name} already: {NOT_ASKED}"
                yield Finding(resources.dataset(dataset.name), "unknown", why)


def _hidden(plan: Plan) -> Iterator[Finding]:
    """Free text that stays on the host may already be what is asked for."""
    for step in plan:
        for difference in step.differences:
            if difference.observed == HIDDEN:
                why = f"its {difference.field} is free text, which stays on the host"
                yield Finding(step.resource, "unknown", why)


def _later(desired: DesiredState, observed: ObservedState, plan: Plan) -> Iterator[Later]:
    """Restarts that bring into effect what is written, and what waits for a container."""
    running = _running(observed)
    restarted = {step.container for step in plan if step.effect is Effect.RESTART}
    for container in desired.containers:
        steps = [step for step in plan if step.container == container.id and not step.audited]
        there = running.get(container.id)
        if there is None or container.id in restarted:
            continue
        if any(_waits(step, there) for step in steps):
            resource = resources.container(container.id, container.name)
            yield Later(resource, "restart", Effect.RESTART, container.id)
    yield from _later_tunnels(desired, plan)


def _running(observed: ObservedState) -> dict[int, Effective]:
    if isinstance(observed.containers, Unknown):
        return {}
    there = [each for each in observed.containers if isinstance(each, ObservedContainer)]
    return {each.id: each.effective for each in there if each.effective is not None}


def _waits(step: Step, effective: Effective) -> bool:
    """Whether what a step writes takes effect at the next start only.

    Id-maps go back to what was here before, and that may well be what still runs.
    """
    if isinstance(step.action, SetIdmap):
        wish = idmaps.describe(idmaps.texts(step.action.ranges))
        return wish != idmaps.describe(effective.idmap)
    return isinstance(step.action, SetContainer) and step.text == settings.AFTER_RESTART


def _later_tunnels(desired: DesiredState, plan: Plan) -> Iterator[Later]:
    """Instances in containers that do not run yet, or do not see their files yet, and will."""
    containers = {container.id: container for container in desired.containers}
    for number, instance in tunnels.grouped(desired.tunnels):
        container = containers.get(number)
        steps = [step for step in plan if step.container == number and not step.audited]
        if container is None or not (_starts(steps) or _shows(steps, container)):
            continue
        resource = resources.stunnel(number, instance, container.name)
        if all(step.resource != resource for step in plan):
            yield Later(resource, "write and start", Effect.ONLINE, number)


def _starts(steps: list[Step]) -> bool:
    return any(isinstance(step.action, StartContainer) for step in steps)


def _shows(steps: list[Step], container: Container) -> bool:
    field = settings.mount_field(tunnelplaces.INSIDE)
    asked = any(
        isinstance(m, BindMount) and m.target == tunnelplaces.INSIDE for m in container.mounts
    )
    return asked and any(d.field == field for step in steps for d in step.differences)
