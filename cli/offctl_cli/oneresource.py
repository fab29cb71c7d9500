"""One resource of a host: what is wrong with it, how it stands, what happened to it. Pure.

RESOURCE is an address as `offctl explain` takes it without the host (containers/off,
datasets/zfs-hdd/off, tunnels/redis/client), or its last part alone; or the name of a pool.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
import difflib
from typing import Any

from offctl import concerns, errors, links
from offctl.desired import facts
from offctl.desired.facts import Resource
from offctl.desired.model import DesiredState
from offctl.pools import PoolStatus
from offctl.report import Report, ResourceStatus, TunnelStatus, Wait
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_cli import doubts, foreseeing, happened, moments, onehost, pointing, standing
from offctl_cli.doubts import Doubt
from offctl_cli.fleet import Event, HostStatus
from offctl_cli.foreseeing import Seen
from offctl_cli.standing import Standing

_MOST_EVENTS = 10
_SHORT = ("containers/{}", "datasets/{}", "tunnels/{}/client", "tunnels/{}/server")


@dataclass(frozen=True, slots=True)
class Property:
    """One property: what is asked for, and how it stands there; empty is not known."""

    name: str
    desired: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything known of one resource, asked for by `release`; observed at `at`.

    `label` is what plans call it; of a pool there are no properties. While there are `doubts`
    nothing reported wrong does not mean that nothing is.
    """

    label: str
    release: int
    doubts: tuple[Doubt, ...]
    wrong: tuple[ResourceStatus, ...]
    waits: tuple[Wait, ...]
    tunnels: tuple[TunnelStatus, ...]
    pools: tuple[PoolStatus, ...]
    properties: tuple[Property, ...]
    at: datetime | None
    untold: str
    events: tuple[Event, ...]


def find(text: str, state: DesiredState, report: Report | None) -> tuple[Resource, ...]:
    """What `text` names on a host: one thing, or both ends of a tunnel; empty for a pool.

    Raises NotFoundError.
    """
    wanted = text.strip("/")
    known = dict(pointing.addresses(state))
    found = [known[wanted]] if wanted and wanted in known else []
    for short in () if found else _SHORT:
        address = short.format(wanted)
        found += [at for name, at in known.items() if name == address]
        found += [at for name, at in known.items() if name.startswith(f"{address} generation ")]
    if found:
        return tuple(dict.fromkeys(found))
    pools = [] if report is None else [pool.pool for pool in report.pools]
    if wanted in pools:
        return ()
    names = [name for name in known if name]
    last = [name.removeprefix("containers/").removeprefix("datasets/") for name in names]
    near = difflib.get_close_matches(wanted, dict.fromkeys([*last, *pools, *names]), 3, 0.5)
    raise errors.NotFoundError(
        f"cannot show {text[:200]!r} of {state.host}: its release asks for nothing of that name",
        hint=f"did you mean {' or '.join(near)}?" if near else "`offctl explain` takes addresses",
    )


def show(
    text: str,
    state: DesiredState,
    told: Report | None,
    seen: Seen,
    events: Iterable[Event],
    *,
    status: HostStatus,
    release: int,
    unreadable: str = "",
) -> Shown:
    """`told` is the host's newest report, `unreadable` why it cannot be read, if it cannot.

    `state` is what the release of the serial `release` asks for.

    Raises NotFoundError.
    """
    found = find(text, state, told)
    labels = tuple(dict.fromkeys(_labels(found, state))) or (f"pool {text.strip('/')}",)
    tunnels = {identity.partition("/")[0] for kind, identity in found if kind == "tunnel"}
    return Shown(
        label=facts.called(found[0], state) if found else labels[0],
        release=release,
        doubts=tuple(doubts.doubts(status, told, unreadable)),
        wrong=tuple(r for r in told.resources if _about(r.resource, labels)) if told else (),
        waits=tuple(w for w in told.waits if _about(w.scope, labels)) if told else (),
        tunnels=tuple(t for t in told.tunnels if t.tunnel in tunnels) if told else (),
        pools=tuple(p for p in told.pools if f"pool {p.pool}" in labels) if told else (),
        properties=tuple(_properties(found, state, seen)),
        at=seen.at,
        untold=seen.untold,
        events=tuple(e for e in events if _about(e.resource, labels))[-_MOST_EVENTS:],
    )


def exit_status(shown: Shown, now: datetime) -> int:
    """0 nothing wrong, 1 something wants attention or is not known, 2 something is broken."""
    return max(_own_status(shown, now), *(doubt.status for doubt in shown.doubts), 0)


def _own_status(shown: Shown, now: datetime) -> int:
    states = {each.state for each in shown.wrong} - {"orphan", "unmanaged"}
    ends = {each.state for each in shown.tunnels} - links.RIGHT
    broken = "failed" in states or ends & {"down", "broken"}
    worst = {grade for pool in shown.pools for grade, _ in _troubles(pool, now)}
    if broken or concerns.Grade.BROKEN in worst:
        return 2
    return int(bool(states or ends or worst))


def _troubles(pool: PoolStatus, now: datetime) -> Iterator[tuple[concerns.Grade, str]]:
    found = concerns.trouble(pool, concerns.stale(now))
    if found is not None:
        yield found


def _labels(found: Iterable[Resource], state: DesiredState) -> Iterator[str]:
    """What plans, reports and events may call it, without the names that help people."""
    for resource in found:
        yield facts.called(resource, state)
        for name in ("", *facts.facts(state).get(resource, {})):
            yield standing.fields(resource, name, state)[0].label
        if resource[0] == "container":
            yield f"of container {resource[1]}"
            yield f"in container {resource[1]}"


def _about(label: str, labels: Iterable[str]) -> bool:
    """Labels end in names that may have changed; what is in a container comes before it."""
    return any(
        # What is in a pool is its business.
        (each.startswith("pool ") and label.startswith(f"dataset {each.removeprefix('pool ')}/"))
        or label == each
        or label.startswith(f"{each} ")
        or f" {each} " in f" {label} "
        for each in labels
    )


def _properties(found: Iterable[Resource], state: DesiredState, seen: Seen) -> Iterator[Property]:
    for resource in found:
        for name, desired in sorted(facts.facts(state).get(resource, {}).items()):
            here = Standing()
            if seen.view is not None:
                try:
                    here = standing.of(resource, name, state, seen.view.observed)
                except foreseeing.NONSENSE as error:
                    here = Standing(f"unknown: {foreseeing.senseless(error)}")
            yield Property(name, desired, here)


def lines(shown: Shown, host: str, now: datetime) -> Iterator[str]:
    """For people, harmless."""
    verdict = ": nothing is reported wrong" if exit_status(shown, now) == 0 else ""
    yield f"{visible(shown.label)} on {visible(host)}{verdict}"
    for doubt in shown.doubts:
        yield f"  not sure: {visible(doubt.reason)}"
    for wrong in shown.wrong:
        yield from onehost.resource_lines(wrong)
    for wait in shown.waits:
        until = f" until {visible(wait.until, 30)}" if wait.until else ""
        yield f"  {visible(wait.kind)}{until}: {visible(wait.reason)}"
    for pool in shown.pools:
        yield f"  {onehost.pool_words(pool, now)}"
        yield from (f"    {grade.value}: {visible(why)}" for grade, why in _troubles(pool, now))
    for tunnel in shown.tunnels:
        yield f"  {_tunnel(tunnel, now)}"
    yield from _property_lines(shown)
    if shown.events:
        yield "lately:"
    yield from (f"  {happened.line(event)}" for event in shown.events)


def _tunnel(tunnel: TunnelStatus, now: datetime) -> str:
    lasted = moments.since(tunnel.since, now)
    proven = moments.since(tunnel.proven_at, now)
    words = f"{tunnel.role} end at {tunnel.accept}, generation {tunnel.generation}: {tunnel.state}"
    words += f" for {lasted}" if lasted else ""
    words += f", tried {proven} ago" if proven else ""
    return visible(words + (f": {tunnel.reason}" if tunnel.reason else ""))


def _property_lines(shown: Shown) -> Iterator[str]:
    if not shown.properties:
        return
    when = f", as observed at {shown.at.strftime(INSTANT)}" if shown.at else ""
    if shown.untold:
        when = f"; how it stands is not known: {shown.untold}"
    yield visible(f"asked for by release {shown.release}{when}") + ("" if shown.untold else ":")
    for each in shown.properties:
        here = each.standing
        told = [("configured", here.configured), ("running", here.running)]
        rest = "".join(f"; {word} {text}" for word, text in told if text and text != each.desired)
        yield visible(f"  {each.name} = {each.desired}{rest}", 400)


def as_json(shown: Shown, host: str, schema: int) -> dict[str, Any]:
    """For programs."""
    document = {"schema": schema, "host": host, **asdict(shown)}
    return {
        **document,
        "doubts": [doubt.reason for doubt in shown.doubts],
        "at": moments.instant(shown.at),
        "events": [happened.event_json(event) for event in shown.events],
    }
