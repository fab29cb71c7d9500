"""The fleet as tables, lines and JSON. Text that came from a host is always made harmless."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
import os
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from offctl import report as reports
from offctl.report import Event, Report, ResourceStatus
from offctl.status import BROKEN, RIGHT, State
from offctl.tables import INSTANT
from offctl.text import visible
from offctl_cli.fleet import HostDetail, HostList, HostStatus

_ON_THEIR_WAY = frozenset({State.BEHIND, State.AWAITED, State.DRIFT, State.SILENT, State.REFUSED})
_MOST_EVENTS = 8
_MOST_UNASKED = 5
_MOST_ALIKE = 3
_UNFOLDED = 1000


def state_of(status: HostStatus) -> State | None:
    """The state a coordinator named; None for a word that this version does not know."""
    try:
        return State(status.state)
    except ValueError:
        return None


def exit_status(hosts: Iterable[HostStatus]) -> int:
    """0 all right, 1 something wants attention, 2 something is broken. No host at all wants it."""
    worst, seen = 0, False
    for status in hosts:
        seen = True
        state = state_of(status)
        if state in BROKEN:
            return 2
        if state not in RIGHT:
            worst = 1
    return worst if seen else 1


def settled(hosts: Iterable[HostStatus], serial: int) -> bool:
    """Whether every host works on `serial` and waiting longer will change nothing by itself."""
    return all(
        state_of(status) is State.RETIRED
        or (
            status.serial == serial
            and (
                state_of(status) not in _ON_THEIR_WAY
                or (state_of(status) is State.DRIFT and status.mode == "audit")
            )
        )
        for status in hosts
    )


def word(status: HostStatus) -> str:
    """State and serial in one word or two: what a change is judged by."""
    return f"{visible(status.state)} {status.serial}"


def essence(listing: HostList) -> tuple[object, ...]:
    """What must differ for a watched table to be shown again (ages do not count)."""
    return (
        listing.serial,
        tuple(
            (
                s.host,
                s.state,
                s.serial,
                s.drift,
                s.pending_restarts,
                s.failed,
                s.reason,
                s.freshness,
                s.blocked,
                s.unknown,
            )
            for s in listing.hosts
        ),
    )


def change(status: HostStatus, before: str | None) -> str:
    """One line: how a host's state changed."""
    came = f"{before} → " if before else ""
    why = f"  ({visible(status.reason, 100)})" if status.reason else ""
    return f"{visible(status.host)}: {came}{word(status)}{why}"


def print_listing(listing: HostList, now: datetime) -> None:
    """The table: worst first, one line for each host."""
    console = _console()
    if not listing.serial:
        console.print("nothing has been published yet")
    else:
        console.print(
            f"site {visible(listing.site)}: release {listing.serial} is current, "
            f"expires {_day(listing.expires)}",
            markup=False,
        )
    if not listing.hosts:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("HOST", "STATE", "RELEASE", "REPORT"):
        table.add_column(name, no_wrap=True)
    for name in ("DRIFT", "RESTART", "FAILED", "BLOCKED"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("FRESH", no_wrap=True)
    table.add_column("WHY", overflow="fold")
    for status in sorted(listing.hosts, key=_rank):
        table.add_row(*_cells(status, now))
    console.print(table)


def _console() -> Console:
    """As wide as the terminal; in a pipe nothing is folded, so that one host stays one line."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if told else _UNFOLDED, soft_wrap=False)


def _cells(status: HostStatus, now: datetime) -> Iterator[Text]:
    yield Text(visible(status.host, 40))
    yield Text(visible(status.state, 20), style=_style(state_of(status)))
    yield Text(str(status.serial or "-") + (" audit" if status.mode == "audit" else ""))
    yield Text(_age(status.reported, now))
    for number in (status.drift, status.pending_restarts, status.failed, status.blocked):
        yield Text(str(number) if status.reported else "-")
    yield Text(visible(status.freshness, 10))
    code = f" [{visible(status.code, 30)}]" if status.code else ""
    yield Text(visible(status.reason, 160).replace("\n", " ") + code)


def print_host(found: HostDetail, now: datetime, *, everything: bool) -> None:
    """One host: the state, what is not right and why, and what was done lately.

    Without `everything` resources that are alike are told of together, and old events left out.
    """
    console = _console()
    status = found.status
    head = Text(visible(status.host, 40) + ": ")
    head.append(visible(status.state, 20), style=_style(state_of(status)))
    console.print(head)
    for line in _host_lines(found, now, everything=everything):
        console.print(Text(line))


def _host_lines(found: HostDetail, now: datetime, *, everything: bool) -> Iterator[str]:
    status, report = found.status, _report(found)
    if status.reason:
        yield f"  {visible(status.reason)}" + (f" [{visible(status.code)}]" if status.code else "")
    yield f"  last report {_age(status.reported, now)}, last contact {_age(status.contacted, now)}"
    if report is None:
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
                yield from _resource(resource)
            continue
        named = ", ".join(visible(member.resource) for member in members[:_MOST_ALIKE])
        yield f"  {state:8} {len(members)} resources: {visible(reason)}"
        yield f"           {named} and {len(members) - _MOST_ALIKE} more (--all lists them)"


def _resource(resource: ResourceStatus) -> Iterator[str]:
    why = "  [somebody changed it]" if resource.corrective else ""
    yield f"  {resource.state:8} {visible(resource.resource)}: {visible(resource.reason)}{why}"
    for difference in resource.differences:
        if difference.field == "exists":
            continue
        yield (
            f"           {visible(difference.field)}: "
            f"{visible(difference.observed)} → {visible(difference.desired)}"
        )


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
    corrective = sum(event.origin == "corrective" for event in report.events)
    yield (
        f"lately: {len(report.events)} actions, {corrective} of them repaired what somebody changed"
    )
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


def listing_json(listing: HostList) -> dict[str, Any]:
    """The listing as one JSON object; times are RFC 3339 in UTC."""
    return {
        "site": listing.site,
        "serial": listing.serial,
        "manifest_sha256": listing.manifest_sha256,
        "expires": _instant(listing.expires),
        "hosts": [_status_json(status) for status in sorted(listing.hosts, key=_rank)],
    }


def host_json(found: HostDetail) -> dict[str, Any]:
    """One host's status with its newest report."""
    report = _report(found)
    return {
        "status": _status_json(found.status),
        "report": None
        if report is None
        else {**asdict(report), "time": report.time.strftime(INSTANT)},
    }


def _report(found: HostDetail) -> Report | None:
    return reports.parse(found.report) if found.report else None


def _status_json(status: HostStatus) -> dict[str, Any]:
    return {
        **asdict(status),
        "reported": _instant(status.reported),
        "contacted": _instant(status.contacted),
    }


def _rank(status: HostStatus) -> tuple[int, str]:
    order = list(State)
    state = state_of(status)
    return (order.index(state) if state is not None else -1), status.host


def _style(state: State | None) -> str:
    if state in BROKEN or state is None:
        return "bold red"
    return "green" if state in RIGHT else "yellow"


def _age(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else moment.strftime("%Y-%m-%d")


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime(INSTANT)
