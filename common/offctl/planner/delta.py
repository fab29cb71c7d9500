"""How much of a host a plan touches, and the hash by which it is approved. Pure.

What is made anew touches nothing that is there, and neither does finishing it after a crash;
starting, restarting and mounting only bring into effect what was accepted before, and restarts have
consent of their own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
import hashlib

from offctl.desired import bundle
from offctl.desired.model import DesiredState
from offctl.planner import actions as act
from offctl.planner.ledger import EXISTS
from offctl.planner.plan import Effect, Plan, Step

# Key, field, observed and desired value: one thing that was looked at and approved.
Change = tuple[str, str, str, str]

_MOUNT = "mount "


@dataclass(frozen=True, slots=True)
class Touched:
    """Containers by id, mounts by container and field, datasets by name."""

    containers: frozenset[int] = frozenset()
    mounts: frozenset[tuple[int, str]] = frozenset()
    datasets: frozenset[str] = frozenset()

    def __or__(self, other: "Touched") -> "Touched":
        return Touched(
            self.containers | other.containers,
            self.mounts | other.mounts,
            self.datasets | other.datasets,
        )


def counts(step: Step) -> bool:
    """Whether a step waits for an approval where one is needed."""
    exempt = (act.StartContainer, act.RestartContainer, act.MountDataset)
    return step.action is not None and not step.audited and not isinstance(step.action, exempt)


def touched(steps: Iterable[Step], unfinished: frozenset[str] = frozenset()) -> Touched:
    """What steps that count change of what is there already."""
    given = tuple(steps)
    new = unfinished | {step.resource.key for step in given if _is_new(step)}
    made = {step.action.name for step in given if isinstance(step.action, act.CreateDataset)}
    counted = [step for step in given if counts(step) and step.resource.key not in new]
    return Touched(
        frozenset(step.container for step in counted if step.container),
        frozenset(
            (step.container, difference.field)
            for step in counted
            for difference in step.differences
            if difference.field.startswith(_MOUNT)
        ),
        # Whose directories belong to nobody else yet.
        frozenset(name for step in counted if (name := _dataset(step.action))) - made,
    )


def excess(found: Touched, desired: DesiredState) -> tuple[str, ...]:
    """Each kind of which more is touched than may be, in words."""
    shares = desired.max_delta
    mounts = sum(len(container.mounts) for container in desired.containers)
    kinds = (
        ("containers", len(found.containers), len(desired.containers), shares.containers),
        ("mounts", len(found.mounts), mounts, shares.mounts),
        ("datasets", len(found.datasets), len(desired.datasets), shares.datasets),
    )
    return tuple(
        f"{count} of {whole} {kind} (more than {share} %)"
        for kind, count, whole, share in kinds
        if share < 100 and count > _rounded_up(whole * share)
    )


def changes(steps: Iterable[Step]) -> Iterator[Change]:
    """What the steps that count are about, field by field."""
    for step in steps:
        if counts(step):
            for item in step.differences:
                yield step.resource.key, item.field, item.observed, item.desired


def bundle_hash(desired: DesiredState) -> str:
    """The text a plan was made for; what is approved is no part of it."""
    return hashlib.sha256(bundle.dump(replace(desired, approved=()))).hexdigest()


def plan_hash(plan: Plan, desired: DesiredState) -> str:
    """The text, every step and everything it was planned upon: equal only if all of it is."""
    lines = [bundle_hash(desired)]
    lines += [
        repr((s.resource.key, s.action, s.reason, s.effect.value, s.audited, s.differences))
        for s in plan
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _is_new(step: Step) -> bool:
    """Whether it was not there, or, for a stunnel, did not run: nobody uses it."""
    if isinstance(step.action, act.RenewTunnels):
        return step.effect is Effect.ONLINE
    return any(difference.field == EXISTS for difference in step.differences)


def _dataset(action: act.Action | None) -> str:
    match action:
        case act.SetProperties(name=name) | act.InheritProperties(name=name):
            return name
        case act.SetAccess(dataset=name):
            return name
        case _:
            return ""


def _rounded_up(hundredfold: int) -> int:
    return -(-hundredfold // 100)
