"""What publishing a site would do on each host: its text against what the hosts observed last."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from offctl import errors, observation
from offctl.desired import names
from offctl.desired.model import DesiredState, Mode
from offctl.planner import delta, foresight, packing
from offctl.planner.foresight import Foreseen, Later
from offctl.planner.plan import Effect, Finding, Step
from offctl.planner.view import View
from offctl.tables import INSTANT
from offctl_cli.client import Client
from offctl_cli.fleet import HostStatus

NEVER = "it has not handed in what it observes: it never ran, or its offctl is older than that"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a host: its view and when it had it; `untold` says why there is none.

    `serial` is the release it works towards, 0 for none. `moved` is true when its newest report
    is about another observation, which has not come yet.
    """

    view: View | None
    at: datetime | None = None
    serial: int = 0
    untold: str = ""
    moved: bool = False


@dataclass(frozen=True, slots=True)
class HostPlan:
    """One host's part; `foreseen` is None when nothing is known of the host."""

    desired: DesiredState
    seen: Seen
    foreseen: Foreseen | None

    @property
    def steps(self) -> tuple[Step, ...]:
        return () if self.foreseen is None else self.foreseen.plan.steps

    @property
    def later(self) -> tuple[Later, ...]:
        return () if self.foreseen is None else self.foreseen.later

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is as it is and should be known; what nobody manages is no news."""
        if self.foreseen is None:
            return ()
        return tuple(f for f in self.foreseen.plan.findings if f.state in ("drift", "orphan"))

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """What only the host can tell."""
        if self.foreseen is None:
            return ()
        unread = tuple(f for f in self.foreseen.plan.findings if f.state == "unknown")
        return (*unread, *self.foreseen.unknown)

    @property
    def plan_hash(self) -> str:
        """By which the host will know its plan; empty while a part of it is not known."""
        if self.foreseen is None or not self.foreseen.exact:
            return ""
        return delta.plan_hash(self.foreseen.plan, self.desired)

    def count(self, effect: Effect) -> int:
        """Steps of this effect that will be carried out, with what follows them."""
        steps = sum(s.effect is effect and self._done(s) for s in self.steps)
        return steps + sum(each.effect is effect for each in self.later)

    def _done(self, step: Step) -> bool:
        return not step.audited and self.desired.mode is not Mode.AUDIT

    @property
    def audited(self) -> int:
        """Steps that are only reported."""
        return sum(not self._done(step) for step in self.steps)

    def notes(self, now: datetime) -> tuple[str, ...]:
        """What keeps the host from doing all of it at once."""
        return tuple(_notes(self, now))


def _notes(plan: HostPlan, now: datetime) -> Iterable[str]:
    desired = plan.desired
    if not plan.steps or plan.foreseen is None:
        return
    if desired.mode is Mode.AUDIT:
        yield "the host is in audit: all of this is reported, and nothing is done"
    if desired.freeze is not None and desired.freeze.until > now:
        until = desired.freeze.until.strftime(INSTANT)
        yield f"frozen until {until}: {desired.freeze.reason}"
    for container in desired.containers:
        if container.freeze is not None and container.freeze.until > now:
            until = container.freeze.until.strftime(INSTANT)
            yield f"container {container.id} {container.name} is frozen until {until}"
    if plan.count(Effect.RESTART):
        windows = ", ".join(names.window_text(window) for window in desired.windows)
        yield f"restarts wait for {windows or '`offctl-agent apply --restart`: there is no window'}"
    touched = delta.touched(plan.steps, plan.foreseen.plan.unfinished)
    excess = delta.excess(touched, desired)
    if excess and plan.plan_hash not in desired.approved:
        hint = f"`offctl approve {desired.host} {plan.plan_hash}`" if plan.plan_hash else ""
        yield f"needs an approval: {', '.join(excess)}" + (f"; {hint}" if hint else "")


def foresee(states: Iterable[DesiredState], known: dict[str, Seen]) -> tuple[HostPlan, ...]:
    """The plan of each host; pure."""
    plans = []
    for desired in states:
        seen = known.get(desired.host, Seen(None, untold=NEVER))
        foreseen = None if seen.view is None else foresight.foresee(desired, seen.view)
        plans.append(HostPlan(desired, seen, foreseen))
    return tuple(plans)


def only(
    plans: Iterable[HostPlan], containers: Collection[tuple[str, int]]
) -> tuple[HostPlan, ...]:
    """What of the plans is about some containers (host, id): their steps, and what they show."""
    hosts = {host for host, _ in containers}
    return tuple(
        _only(plan, {number for host, number in containers if host == plan.desired.host})
        for plan in plans
        if plan.desired.host in hosts
    )


def _only(plan: HostPlan, numbers: Collection[int]) -> HostPlan:
    if plan.foreseen is None:
        return plan
    keys = set(_keys(plan.desired, numbers))

    def about(key: str, container: int) -> bool:
        return container in numbers or key in keys or _number(key) in numbers

    whole = plan.foreseen
    part = replace(
        whole.plan,
        steps=tuple(s for s in whole.plan.steps if about(s.resource.key, s.container)),
        findings=tuple(f for f in whole.plan.findings if about(f.resource.key, 0)),
    )
    unknown = tuple(f for f in whole.unknown if about(f.resource.key, 0))
    later = tuple(each for each in whole.later if each.container in numbers)
    return replace(plan, foreseen=Foreseen(part, unknown, later))


def _keys(desired: DesiredState, containers: Collection[int]) -> Iterable[str]:
    for container in desired.containers:
        if container.id in containers:
            for mount in container.mounts:
                yield f"dataset {getattr(mount, 'dataset', '')}"
                yield f"directory {getattr(mount, 'source', '')}"


def _number(key: str) -> int:
    """The container of `container 113`, `mount 113:/mnt`, `service 113:x`, `stunnel 113:off`."""
    kind, _, rest = key.partition(" ")
    number = rest.partition(":")[0]
    of_containers = kind in ("container", "mount", "service", "stunnel")
    return int(number) if of_containers and number.isdecimal() else -1


def seen(client: Client, site: str, statuses: Iterable[HostStatus]) -> dict[str, Seen]:
    """What each host that the coordinator knows observed last."""
    return {status.host: _seen(client, site, status) for status in statuses}


def _seen(client: Client, site: str, status: HostStatus) -> Seen:
    try:
        observed = client.get_observation(status.host)
    except errors.NotFoundError:
        return Seen(None, serial=status.serial, untold=NEVER)
    try:
        found = packing.parse(observed.content)
    except errors.MalformedError as error:
        return Seen(None, observed.at, status.serial, str(error))
    if (found.site, found.host) != (site, status.host):
        why = f"what it handed in is about host {found.host!r} of site {found.site!r}"
        return Seen(None, observed.at, status.serial, why)
    # Its hash stands in the report as it is, and nothing else of that is wanted.
    named = observation.digest(observed.content).encode()
    moved = named not in client.get_host(status.host).report
    return Seen(found.view, observed.at, status.serial, moved=moved)
