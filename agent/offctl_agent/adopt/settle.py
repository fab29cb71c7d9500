"""Taking out of what is taken over whatever a run would change, or could not make so.

The planner says what that would be; this room only knows what to take out for each step.
"""

from collections.abc import Callable
from dataclasses import replace
import re

from offctl.desired.model import Access, BindMount, Container, Dataset, DesiredState, RunState
from offctl.observed import ObservedState
from offctl.planner import planner, resources
from offctl.planner.ledger import Ledger
from offctl.planner.plan import Effect, Origin, Step
from offctl.planner.view import FREE_TEXT
from offctl_agent.adopt import build, containers, mounts
from offctl_agent.adopt.build import Built
from offctl_agent.adopt.left import Lefts

# Every round takes something out; a host has no more than this that would have to be.
MAX_ROUNDS = 64

_NETWORK = re.compile(r"net(\d+)")
_MOUNT = re.compile(r"mount (/.*)", re.DOTALL)
_DEVICE = re.compile(r"dev\d+")


def settle(built: Built, observed: ObservedState, lefts: Lefts) -> Built:
    """What is left when nothing of it gives the planner a step, and the reasons for the rest."""
    for _ in range(MAX_ROUNDS):
        plan = planner.plan(built.desired, observed, Ledger())
        smaller = built
        for step in plan:
            smaller = _without(step, smaller, lefts)
        for finding in plan.findings:
            if finding.state == "unknown" and finding.resource.key.startswith("stunnel "):
                blind = Step(finding.resource, "look", Effect.BLOCKED, Origin.WANTED)
                smaller = _without(replace(blind, reason=finding.reason), smaller, lefts)
        here = tuple(
            mounts.unshadowed(each, built.ground, lefts) for each in smaller.desired.containers
        )
        smaller = replace(smaller, desired=replace(smaller.desired, containers=here))
        if smaller == built:
            return built
        built = replace(smaller, desired=build.with_subids(smaller.desired))
    return built


def _without(step: Step, built: Built, lefts: Lefts) -> Built:
    kind, _, name = step.resource.key.partition(" ")
    take = _TAKING.get(kind)
    return built if take is None else take(step, name, built, lefts)


def _why(step: Step) -> str:
    said = "; ".join(
        d.field if d.field in FREE_TEXT else f"{d.field}: {d.observed}, not {d.desired}"
        for d in step.differences
    )
    return f"{step.text}: {step.reason}" if step.reason else f"{step.text} ({said})"


def _dataset(step: Step, name: str, built: Built, lefts: Lefts) -> Built:
    fields = {difference.field for difference in step.differences}
    desired = built.desired
    found = next((each for each in desired.datasets if each.name == name), None)
    if found is None:
        return built
    lefts.leave(f"dataset {name}", _why(step))
    known = {key for key, _ in found.properties} | set(found.inherit)
    if fields <= known and "mountpoint" not in fields:
        kept = replace(
            found,
            properties=tuple(p for p in found.properties if p[0] not in fields),
            inherit=tuple(p for p in found.inherit if p not in fields),
        )
        return _with_dataset(built, kept)
    gone = {each.name for each in desired.datasets if f"{each.name}/".startswith(f"{name}/")}

    def shown(container: Container) -> Container:
        mounts = tuple(
            m for m in container.mounts if not isinstance(m, BindMount) or m.dataset not in gone
        )
        return replace(container, mounts=mounts)

    smaller = replace(
        desired,
        datasets=tuple(each for each in desired.datasets if each.name not in gone),
        containers=tuple(shown(each) for each in desired.containers),
    )
    return replace(built, desired=smaller)


def _directory(step: Step, path: str, built: Built, lefts: Lefts) -> Built:
    for dataset in built.desired.datasets:
        if dataset.mountpoint == path and dataset.access != Access():
            lefts.leave(f"directory {path}", _why(step))
            return _with_dataset(built, replace(dataset, access=Access()))
        for directory in dataset.directories:
            if f"{dataset.mountpoint}/{directory.path}" == path:
                lefts.leave(f"directory {path}", _why(step))
                return _unshown(built, dataset, path)
    return built


def _unshown(built: Built, dataset: Dataset, path: str) -> Built:
    """Without the mounts that show a directory, and without the directory."""

    def kept(container: Container) -> Container:
        mounts = tuple(
            m for m in container.mounts if not isinstance(m, BindMount) or m.source != path
        )
        return replace(container, mounts=mounts)

    inner = tuple(d for d in dataset.directories if f"{dataset.mountpoint}/{d.path}" != path)
    smaller = _with_dataset(built, replace(dataset, directories=inner))
    here = tuple(kept(each) for each in smaller.desired.containers)
    return replace(smaller, desired=replace(smaller.desired, containers=here))


def _container(step: Step, key: str, built: Built, lefts: Lefts) -> Built:
    container = next((c for c in built.desired.containers if str(c.id) == key), None)
    if container is None:
        return built
    what = f"container {container.id} {container.name}"
    lefts.leave(what, _why(step))
    smaller, words = container, dict(built.words[container.id])
    for difference in step.differences:
        smaller = _without_field(smaller, difference.field, words)
    if smaller == container and words == dict(built.words[container.id]):
        return _without_container(built, container)
    done = containers.with_words(smaller, words)
    here = tuple(done.container if c.id == container.id else c for c in built.desired.containers)
    return replace(
        built,
        desired=replace(built.desired, containers=here),
        words={**built.words, container.id: done.words},
    )


def _without_field(container: Container, field: str, words: dict[str, object]) -> Container:
    if field == "run":
        return replace(container, run=RunState.AS_IS)
    if field == "idmap":
        return replace(container, idmap=None)
    if field in words:
        del words[field]
    elif _DEVICE.fullmatch(field):
        words.pop("devices", None)
    elif match := _NETWORK.fullmatch(field):
        kept = tuple(n for n in container.networks if n.index != int(match[1]))
        return replace(container, networks=kept)
    elif match := _MOUNT.fullmatch(field):
        return replace(container, mounts=tuple(m for m in container.mounts if m.target != match[1]))
    return container


def _without_container(built: Built, container: Container) -> Built:
    desired = built.desired
    smaller = replace(
        desired,
        containers=tuple(c for c in desired.containers if c.id != container.id),
        tunnels=tuple(end for end in desired.tunnels if end.container != container.id),
        unmanaged=_unmanaged(desired, container.id),
    )
    words = {number: said for number, said in built.words.items() if number != container.id}
    return replace(built, desired=smaller, words=words)


def _unmanaged(desired: DesiredState, number: int) -> tuple[str, ...]:
    guests = sorted({number, *(int(each) for each in desired.unmanaged if each.isdecimal())})
    others = tuple(each for each in desired.unmanaged if not each.isdecimal())
    return tuple(str(each) for each in guests) + others


def _stunnel(step: Step, key: str, built: Built, lefts: Lefts) -> Built:
    place, _, instance = key.partition(":")
    number = int(place) if place.isdecimal() else 0
    kept = tuple(
        end for end in built.desired.tunnels if (end.container, end.instance) != (number, instance)
    )
    lefts.hazard(step.resource.label, _why(step))
    return replace(built, desired=replace(built.desired, tunnels=kept))


def _tunnel(step: Step, key: str, built: Built, lefts: Lefts) -> Built:
    """One end that does not work takes its whole stunnel with it: it is kept whole or not."""
    name, _, role = key.rpartition("/")
    for end in built.desired.tunnels:
        if (end.name, end.role) == (name, role):
            where = resources.stunnel(end.container, end.instance)
            lefts.hazard(step.resource.label, _why(step))
            return _stunnel(step, where.key.partition(" ")[2], built, lefts)
    return built


def _subids(step: Step, key: str, built: Built, lefts: Lefts) -> Built:
    del key
    for container in built.desired.containers:
        if container.unprivileged or container.idmap:
            lefts.leave(f"container {container.id} {container.name}", _why(step))
            built = _without_container(built, container)
    return built


def _with_dataset(built: Built, dataset: Dataset) -> Built:
    kept = tuple(dataset if d.name == dataset.name else d for d in built.desired.datasets)
    return replace(built, desired=replace(built.desired, datasets=kept))


_TAKING: dict[str, Callable[[Step, str, Built, Lefts], Built]] = {
    "dataset": _dataset,
    "directory": _directory,
    "container": _container,
    "stunnel": _stunnel,
    "tunnel": _tunnel,
    "subids": _subids,
}
