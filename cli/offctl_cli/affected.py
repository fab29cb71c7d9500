"""Who feels it when something changes: the containers, applications and tunnels behind it. Pure.

From the text alone: a dataset is felt by the containers that mount it, a container by the
application in it and by whoever reaches something through its tunnels.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from offctl.desired.model import BindMount, Container, DesiredState, TunnelEnd
from offctl.planner.actions import RenewTunnels
from offctl.planner.foresight import Later
from offctl.planner.ledger import EXISTS
from offctl.planner.plan import Effect, Step

# Host and container id -> the application in it.
Applications = Mapping[tuple[str, int], str]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The whole site, to look around in."""

    states: tuple[DesiredState, ...]
    applications: Applications

    def of_step(self, state: DesiredState, step: Step) -> tuple[str, ...]:
        """Whom a step on the host of `state` concerns; nobody uses yet what is made anew."""
        made = any(d.field == EXISTS and d.observed == "absent" for d in step.differences)
        if step.container:
            disturbed = step.effect in (Effect.RESTART, Effect.RELOAD)
            return tuple(self._of_container(state, step, disturbed=disturbed))
        return () if made else tuple(self._of_data(state, step.resource.key))

    def of_later(self, state: DesiredState, later: Later) -> tuple[str, ...]:
        """Whom what follows concerns."""
        if later.effect is not Effect.RESTART:
            return ()
        ends = [end for end in state.tunnels if end.container == later.container]
        return (*self._application(state, later.container), *self._tunnels(state, ends))

    def _of_container(self, state: DesiredState, step: Step, *, disturbed: bool) -> Iterator[str]:
        yield from self._application(state, step.container)
        if isinstance(step.action, RenewTunnels):
            yield from self._tunnels(state, step.action.ends)
        elif disturbed:
            ends = [end for end in state.tunnels if end.container == step.container]
            yield from self._tunnels(state, ends)

    def _of_data(self, state: DesiredState, key: str) -> Iterator[str]:
        kind, _, name = key.partition(" ")
        for container in state.containers:
            if any(_shows(mount, kind, name) for mount in container.mounts if _is_bind(mount)):
                inside = "".join(self._application(state, container.id))
                yield called(container) + (f" ({inside})" if inside else "")

    def _application(self, state: DesiredState, number: int) -> Iterator[str]:
        if found := self.applications.get((state.host, number)):
            yield f"application {found}"

    def _tunnels(self, state: DesiredState, ends: Iterable[TunnelEnd]) -> Iterator[str]:
        told = set()
        for end in ends:
            if end.name not in told:
                told.add(end.name)
                users = list(dict.fromkeys((*end.consumers, *self._far(state.host, end))))
                yield f"tunnel {end.name}" + (f" (used by {', '.join(users)})" if users else "")

    def _far(self, host: str, end: TunnelEnd) -> Iterator[str]:
        """The client end of a server end: there it is noticed."""
        if end.role != "server":
            return
        for other in self.states:
            for far in other.tunnels:
                if far.name == end.name and far.role == "client":
                    where = f"container {far.container} on " if far.container else ""
                    yield from far.consumers
                    yield f"{where}{other.host}" if other.host != host else f"{where}this host"


def called(container: Container) -> str:
    """A container as plans call it."""
    return f"container {container.id} {container.name}".rstrip()


def _is_bind(mount: object) -> bool:
    return isinstance(mount, BindMount)


def _shows(mount: object, kind: str, name: str) -> bool:
    """Whether a bind mount shows a dataset, or a directory or what is below or around it."""
    assert isinstance(mount, BindMount)
    if kind == "dataset":
        return mount.dataset == name
    if kind != "directory":
        return False
    source = mount.source
    return source == name or source.startswith(f"{name}/") or name.startswith(f"{source}/")
