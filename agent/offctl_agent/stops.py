"""What stands in the way of changes for now: holds and freezes, and what each of them covers. Pure.

A stop on a container covers the container, its mounts, and the datasets and directories they show:
whoever asks for peace there does not want the ground to move either.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from offctl.desired.model import BindMount, Container, DesiredState, Freeze
from offctl.planner import resources
from offctl.planner.plan import Step
from offctl.report import Wait
from offctl.tables import INSTANT
from offctl_agent.holds import HOST, Hold


@dataclass(frozen=True, slots=True)
class Stop:
    """`container` is HOST for everything; `keys` are the resources it covers beside that one."""

    wait: Wait
    container: int
    keys: frozenset[str] = frozenset()

    def covers(self, step: Step) -> bool:
        return self.container in (HOST, step.container) or step.resource.key in self.keys

    @property
    def words(self) -> str:
        """Why a step waits, and how to go on."""
        wait = self.wait
        until = f" until {wait.until}" if wait.until else " until it is released"
        return f"{wait.kind} on {wait.scope}{until}: {wait.reason}; {wait.go_on}"


def find(desired: DesiredState, holds: Iterable[Hold], now: datetime) -> tuple[Stop, ...]:
    """Every stop that is in force at `now`, those of the whole host first."""
    found = [*_frozen(desired, now), *(_held(h, desired) for h in holds if not h.over(now))]
    return tuple(sorted(found, key=lambda stop: (stop.container, stop.wait.kind)))


def _frozen(desired: DesiredState, now: datetime) -> Iterator[Stop]:
    frozen: list[tuple[Freeze | None, int]] = [(desired.freeze, HOST)]
    frozen += [(container.freeze, container.id) for container in desired.containers]
    for freeze, number in frozen:
        if freeze is not None and now < freeze.until:
            container = _container(desired, number)
            name = desired.host if container is None else container.name
            go_on = f"`offctl freeze {name} --release` and a release end it sooner"
            until = freeze.until.strftime(INSTANT)
            scope = _scope(desired, number)
            wait = Wait("freeze", scope, until, freeze.reason, go_on)
            yield Stop(wait, number, _below(desired, number))


def _held(hold: Hold, desired: DesiredState) -> Stop:
    until = "" if hold.until is None else hold.until.strftime(INSTANT)
    only = "" if hold.container == HOST else f" --container {hold.container}"
    go_on = f"`offctl-agent hold --release{only}` on the host ends it"
    by = f" ({hold.by})" if hold.by else ""
    wait = Wait("hold", _scope(desired, hold.container), until, hold.reason + by, go_on)
    return Stop(wait, hold.container, _below(desired, hold.container))


def _scope(desired: DesiredState, number: int) -> str:
    if number == HOST:
        return f"host {desired.host}"
    container = _container(desired, number)
    return resources.container(number, container.name if container else "").label


def _container(desired: DesiredState, number: int) -> Container | None:
    return next((c for c in desired.containers if c.id == number), None)


def _below(desired: DesiredState, number: int) -> frozenset[str]:
    container = _container(desired, number)
    keys: set[str] = {resources.container(number).key}
    for mount in () if container is None else container.mounts:
        if isinstance(mount, BindMount):
            keys.add(resources.dataset(mount.dataset).key)
            keys.add(resources.directory(mount.source).key)
    return frozenset(keys)
