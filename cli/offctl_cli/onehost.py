"""One host for people and programs. Text that came from a host is always made harmless."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.text import Text

from offctl import concerns, errors, pools
from offctl import report as reports
from offctl.concerns import Concern
from offctl.pools import PoolStatus
from offctl.report import Event, Report, ResourceStatus
from offctl.status import UNHEARD
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_cli import console, moments, overview
from offctl_cli.fleet import HostDetail

_MOST_EVENTS = 8
_MOST_UNASKED = 5
_MOST_ALIKE = 3


def print_host(found: HostDetail, now: datetime, *, everything: bool) -> None:
    """One host: the state, what is not right and why, and what was done lately.

    Without `everything` resources that are alike are told of together, and old events left out.
    """
    screen = console.wide()
    status = found.status
    head = Text(visible(status.host, 40) + ": ")
    head.append(visible(status.state, 20), style=overview.style(overview.state_of(status)))
    screen.print(head)
    for line in _host_lines(found, now, everything=everything):
        console.hang(screen, Text(line))


def _host_lines(found: HostDetail, now: datetime, *, everything: bool) -> Iterator[str]:
    status, (report, unreadable) = found.status, read(found)
    if status.reason:
        yield f"  {visible(status.reason)}" + (f" [{visible(status.code)}]" if status.code else "")
    reported, contacted = (moments.ago(at, now) for at in (status.reported, status.contacted))
    yield f"  last report {reported}, last contact {contacted}"
    if report is None:
        if unreadable:
            yield f"  its report cannot be read here: {visible(unreadable)}"
            yield "  (is its offctl newer than this one? Operators' machines are upgraded first)"
        return
    yield (
        f"  release {report.serial or 'none'}, {report.mode}, {report.freshness}; "
        f"{report.counts.resources} resources, agent {visible(report.software, 20)}"
    )
    if report.observe_only:
        yield f"  observing only: {visible(report.observe_only)}"
    for wait in report.waits:
        until = f" until {visible(wait.until, 30)}" if wait.until else ""
        yield f"  {visible(wait.kind)} on {visible(wait.scope)}{until}: {visible(wait.reason)}"
        yield f"    to go on: {visible(wait.go_on)}"
    yield from _resource_lines(report, everything=everything)
    yield from _trouble_lines(found, now)
    yield from _pool_lines(report, now)
    yield from (f"  owed: {visible(debt)}" for debt in report.debts)
    yield from (f"  note: {visible(note)}" for note in report.notes)
    yield from _unasked_lines(report, everything=everything)
    yield from _event_lines(report, everything=everything)


def _resource_lines(report: Report, *, everything: bool) -> Iterator[str]:
    wrong = [r for r in report.resources if r.state not in ("orphan", "unmanaged")]
    aside = [r for r in report.resources if r.state in ("orphan", "unmanaged")]
    if wrong:
        yield "not right:"
    yield from _grouped(wrong, everything=everything)
    if aside:
        yield "left alone:"
    for resource in aside:
        yield f"  {resource.state}  {visible(resource.resource)}: {visible(resource.reason)}"
    if report.omitted:
        yield f"  (and {report.omitted} more)"


def _grouped(wrong: list[ResourceStatus], *, everything: bool) -> Iterator[str]:
    """Many resources with one reason are one thing to know."""
    groups: dict[tuple[str, str], list[ResourceStatus]] = {}
    for resource in wrong:
        groups.setdefault((resource.state, resource.reason), []).append(resource)
    for (state, reason), members in groups.items():
        if len(members) <= _MOST_ALIKE or everything:
            for resource in members:
                yield from resource_lines(resource)
            continue
        named = ", ".join(visible(member.resource) for member in members[:_MOST_ALIKE])
        yield f"  {state:8} {len(members)} resources: {visible(reason)}"
        yield f"           {named} and {len(members) - _MOST_ALIKE} more (--all lists them)"


def resource_lines(resource: ResourceStatus) -> Iterator[str]:
    """One resource that is not right: why, and each field as it is and should be."""
    why = "  [somebody changed it]" if resource.corrective else ""
    yield f"  {resource.state:8} {visible(resource.resource)}: {visible(resource.reason)}{why}"
    for difference in resource.differences:
        if difference.field == "exists":
            continue
        yield (
            f"           {visible(difference.field)}: "
            f"{visible(difference.observed)} → {visible(difference.desired)}"
        )


def _trouble_lines(found: HostDetail, now: datetime) -> Iterator[str]:
    for each in troubles(found, now):
        if each.kind == "tunnel":
            lasted = moments.since(each.since, now)
            for_ = f" for {lasted}" if lasted else ""
            yield f"  tunnel {visible(each.subject)}: {visible(each.reason)}{for_}"


def _pool_lines(report: Report, now: datetime) -> Iterator[str]:
    if report.pools:
        yield "pools:"
    for pool in report.pools:
        yield f"  {pool_words(pool, now)}"


def pool_words(pool: PoolStatus, now: datetime) -> str:
    """One pool in one line: how sound, how full, and since when its snapshots are as they are."""
    whole = pool.used + pool.free
    room = "how full is not known"
    if whole:
        full, free = pool.used_of_hundred, pools.size(pool.free)
        room = f"{full} % of {pools.size(whole)} used, {free} free"
    changed = moments.since(pool.snapshots, now)
    dated = f"snapshots changed {changed} ago" if changed else "no date of its snapshots"
    return f"{visible(pool.pool)}: {visible(pool.health) or 'in no state'}, {room}, {dated}"


def _unasked_lines(report: Report, *, everything: bool) -> Iterator[str]:
    """What was changed on the host, apart from what was asked for."""
    if not report.unasked:
        return
    yield "changed without being asked:"
    shown = len(report.unasked) if everything else _MOST_UNASKED
    if len(report.unasked) > shown:
        yield f"  (the last {shown}; --all shows the others)"
    for item in report.unasked[-shown:]:
        yield visible(f"  {item.found}  {item.words}")


def _event_lines(report: Report, *, everything: bool) -> Iterator[str]:
    if not report.events:
        return
    repairs = sum(event.origin == "corrective" for event in report.events)
    actions = "1 action" if len(report.events) == 1 else f"{len(report.events)} actions"
    against = f", {repairs} of them against what somebody had changed" if repairs else ""
    yield f"lately: {actions}{against}"
    shown = len(report.events) if everything else _MOST_EVENTS
    if len(report.events) > shown:
        yield f"  (the last {shown}; --all shows the others)"
    for event in report.events[-shown:]:
        yield _event(event)


def _event(event: Event) -> str:
    fields = ", ".join(f"{d.field}: {d.observed} → {d.desired}" for d in event.differences[:2])
    more = f" and {len(event.differences) - 2} more" if len(event.differences) > 2 else ""
    origin = "repaired" if event.origin == "corrective" else "wanted  "
    failed = f" FAILED: {event.detail}" if event.outcome == "failed" else ""
    return visible(
        f"  {event.time[11:19]} {origin} {event.resource}: {event.action} ({fields}{more}){failed}"
    )


def essence(found: HostDetail) -> tuple[object, ...]:
    """What must differ for a watched host to be shown again: neither ages nor free bytes do."""
    report, unreadable = read(found)
    if report is None:
        return (found.status.state, found.status.reason, unreadable)
    pools = tuple((each.pool, each.health) for each in report.pools)
    tunnels = tuple((each.tunnel, each.role, each.state) for each in report.tunnels)
    told = (report.resources, report.events, report.unasked, report.waits, report.debts)
    state = found.status.state, found.status.serial, found.status.freshness
    return (*state, *told, report.notes, pools, tunnels)


def host_json(found: HostDetail) -> dict[str, Any]:
    """One host's status with its newest report."""
    report, unreadable = read(found)
    return {
        "schema": overview.SCHEMA,
        "status": overview.status_json(found.status),
        "report": None
        if report is None
        else {**asdict(report), "time": report.time.strftime(INSTANT)},
        "unreadable": unreadable,
    }


def read(found: HostDetail) -> tuple[Report | None, str]:
    """The host's newest report; or why one that it made cannot be read here, as by a newer agent.

    What else is known of the host is shown all the same.
    """
    try:
        return (reports.parse(found.report) if found.report else None), ""
    except errors.MalformedError as error:
        return None, str(error).removeprefix("cannot read ").removeprefix("the report: ")


def exit_status(found: HostDetail, now: datetime) -> int:
    """As `overview.exit_status`, for this host and everything it says is not right."""
    by_state = overview.exit_status((found.status,))
    unreadable = int(bool(read(found)[1]))
    return max(
        by_state, unreadable, overview.graded(each.grade.value for each in troubles(found, now))
    )


def troubles(found: HostDetail, now: datetime) -> list[Concern]:
    """What its newest report tells of tunnels and pools that are not right."""
    report, _ = read(found)
    if report is None or overview.state_of(found.status) in UNHEARD:
        return []
    known = concerns.concerns({found.status.host: report}, now)
    return [each for each in known if each.kind in ("tunnel", "pool")]
