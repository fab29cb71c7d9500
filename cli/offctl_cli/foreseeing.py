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
from offctl_cli.affected import called
from offctl_cli.client import Client
from offctl_cli.fleet import HostStatus

# What code raises that meets values which no host has.
NONSENSE = (
    errors.OffctlError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
)
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
    """One host's part; `foreseen` is None when nothing is known of the host.

    `shown` is what of it was asked for: everything but its hashes and limits, which are the host's.
    """

    desired: DesiredState
    seen: Seen
    foreseen: Foreseen | None
    shown: Foreseen | None

    @property
    def steps(self) -> tuple[Step, ...]:
        return () if self.shown is None else self.shown.plan.steps

    @property
    def later(self) -> tuple[Later, ...]:
        """What follows; nothing does where nothing is done."""
        if self.shown is None or self.desired.mode is Mode.AUDIT:
            return ()
        return self.shown.later

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is as it is and should be known; what nobody manages is no news."""
        if self.shown is None:
            return ()
        return tuple(f for f in self.shown.plan.findings if f.state in ("drift", "orphan"))

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """What only the host can tell."""
        if self.shown is None:
            return ()
        unread = tuple(f for f in self.shown.plan.findings if f.state == "unknown")
        return (*unread, *self.shown.unknown)

    @property
    def plan_hash(self) -> str:
        """By which the host will know its whole plan; empty while a part of it is not known."""
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
        return
    if desired.freeze is not None and desired.freeze.until > now:
        until = desired.freeze.until.strftime(INSTANT)
        yield f"frozen until {until}: {desired.freeze.reason}"
    for container in desired.containers:
        if container.freeze is not None and container.freeze.until > now:
            until = container.freeze.until.strftime(INSTANT)
            yield f"container {container.id} {container.name} is frozen until {until}"
    yield from _windows(plan)
    touched = delta.touched(plan.foreseen.plan.steps, plan.foreseen.plan.unfinished)
    excess = delta.excess(touched, desired)
    if excess and plan.plan_hash not in desired.approved:
        hint = f"`offctl approve {desired.host} {plan.plan_hash}`" if plan.plan_hash else ""
        yield f"needs an approval: {', '.join(excess)}" + (f"; {hint}" if hint else "")


def _windows(plan: HostPlan) -> Iterable[str]:
    """What each restart waits for: a container's own windows stand in the place of the host's."""
    steps = [s.container for s in plan.steps if s.effect is Effect.RESTART and not s.audited]
    later = [each.container for each in plan.later if each.effect is Effect.RESTART]
    named = {container.id: container for container in plan.desired.containers}
    waiting: dict[str, list[str]] = {}
    for number in sorted({*steps, *later}):
        container = named.get(number)
        own = () if container is None else container.windows
        windows = ", ".join(names.window_text(each) for each in own or plan.desired.windows)
        who = f"container {number}" if container is None else called(container)
        waiting.setdefault(windows, []).append(who)
    for windows, whose in waiting.items():
        what = windows or "`offctl-agent apply --restart`: there is no window"
        yield f"restarts of {', '.join(whose)} wait for {what}"


def foresee(states: Iterable[DesiredState], known: dict[str, Seen]) -> tuple[HostPlan, ...]:
    """The plan of each host; pure. What one host handed in never spoils the plans of others."""
    return tuple(
        _foresee(desired, known.get(desired.host, Seen(None, untold=NEVER))) for desired in states
    )


def _foresee(desired: DesiredState, seen: Seen) -> HostPlan:
    if seen.view is None:
        return HostPlan(desired, seen, None, None)
    try:
        foreseen = foresight.foresee(desired, seen.view)
    except NONSENSE as error:
        return HostPlan(desired, replace(seen, view=None, untold=senseless(error)), None, None)
    return HostPlan(desired, seen, foreseen, foreseen)


def senseless(error: Exception) -> str:
    """Why nothing follows from an observation of the right form that says what cannot be."""
    return f"what it handed in makes no sense: {str(error)[:200] or repr(error)}"


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
    whole = plan.foreseen
    if whole is None:
        return plan
    keys = set(_keys(plan.desired, numbers))
    texts = {str(number) for number in numbers}

    def about(key: str, container: int) -> bool:
        return container in numbers or key in keys or _number(key) in texts

    part = replace(
        whole.plan,
        steps=tuple(s for s in whole.plan.steps if about(s.resource.key, s.container)),
        findings=tuple(f for f in whole.plan.findings if about(f.resource.key, 0)),
    )
    unknown = tuple(f for f in whole.unknown if about(f.resource.key, 0))
    later = tuple(each for each in whole.later if each.container in numbers)
    return replace(plan, shown=Foreseen(part, unknown, later))


def _keys(desired: DesiredState, containers: Collection[int]) -> Iterable[str]:
    for container in desired.containers:
        if container.id in containers:
            for mount in container.mounts:
                yield f"dataset {getattr(mount, 'dataset', '')}"
                yield f"directory {getattr(mount, 'source', '')}"


def _number(key: str) -> str:
    """The container of `container 113`, `mount 113:/mnt`, `service 113:x`, `stunnel 113:off`."""
    kind, _, rest = key.partition(" ")
    of_containers = kind in ("container", "mount", "service", "stunnel")
    return rest.partition(":")[0] if of_containers else ""


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
