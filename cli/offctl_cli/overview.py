"""The site as a whole: a screen for people, JSON for programs, an exit status for scripts.

Worst first, and of what is well only how much. Text that came from a host is made harmless.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from offctl.concerns import Grade
from offctl.status import BROKEN, RIGHT, State
from offctl.text import visible
from offctl_cli import console, moments
from offctl_cli.fleet import Concern, HostStatus, Overview, Progress

SCHEMA = 1
# One screen, with what stands around it.
MOST = 20
# So many hosts with the same trouble have a line each.
MOST_ALIKE = 3
_WIDE = 120
_FIELDS = tuple(field.name for field in fields(HostStatus))
# Whoever does not look for so long finds every host observing only.
EXPIRES_SOON = timedelta(days=7)

_ON_THEIR_WAY = frozenset({State.BEHIND, State.AWAITED, State.DRIFT, State.SILENT, State.REFUSED})
_GRADES = {Grade.BROKEN.value: 2, Grade.ATTENTION.value: 1, Grade.NOTE.value: 0}
_STYLES = {Grade.BROKEN.value: "bold red", Grade.ATTENTION.value: "yellow", Grade.NOTE.value: ""}


def state_of(status: HostStatus) -> State | None:
    """The state a coordinator named; None for a word that this version does not know."""
    return _state(status.state)


def exit_status(hosts: Iterable[HostStatus]) -> int:
    """0 all right, 1 something wants attention, 2 something is broken. No host at all wants it."""
    return _worst(status.state for status in hosts)


def _worst(states: Iterable[str]) -> int:
    known = set(states)
    if known & {state.value for state in BROKEN}:
        return 2
    return 0 if known and known <= {state.value for state in RIGHT} else 1


def graded(grades: Iterable[str]) -> int:
    """The exit status that concerns ask for; a word of a newer version wants attention."""
    return max((_GRADES.get(grade, 1) for grade in grades), default=0)


def exit_status_of(found: Overview, now: datetime) -> int:
    """As `exit_status`, with everything else that is not right."""
    by_grade = graded(each.grade for each in found.concerns)
    soon = int(_expires_soon(found, now))
    return max(_worst(state for state, _ in found.states), by_grade, soon)


def _expires_soon(found: Overview, now: datetime) -> bool:
    return found.expires is not None and found.expires - now < EXPIRES_SOON


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


def essence(found: Overview) -> tuple[object, ...]:
    """What must differ for a watched screen to be shown again; ages do not count."""
    hosts = tuple((s.host, s.state, s.serial, _timeless(s.reason)) for s in found.hosts)
    told = tuple((c.grade, c.kind, c.host, c.subject, c.reason) for c in found.concerns)
    return found.serial, found.states, hosts, told, found.rollout


def _timeless(reason: str) -> str:
    """Silence grows older all the time."""
    return "" if reason.startswith("no report for ") else reason


def change(status: HostStatus, before: str | None) -> str:
    """One line: how a host's state changed."""
    came = f"{before} → " if before else ""
    why = f"  ({visible(status.reason, 100)})" if status.reason else ""
    return f"{visible(status.host)}: {came}{word(status)}{why}"


def print_overview(found: Overview, now: datetime, *, everything: bool) -> None:
    """The screen; with `everything` each host has its line."""
    screen = console.wide()
    for line in _head(found, now):
        console.hang(screen, line)
    groups = [(host,) for host in found.hosts] if everything else _alike(found.hosts)[:MOST]
    if groups:
        screen.print()
        rows = (_row(group, now) for group in groups)
        screen.print(_table(screen, ("HOST", "STATE", "REPORT", "WHY"), rows))
    left = found.hosts_left_out + len(found.hosts) - sum(map(len, groups))
    if left:
        screen.print(f"and {left} more hosts that are not right: `offctl status --all`")
    told = found.concerns if everything else found.concerns[:MOST]
    if told:
        screen.print()
        rows = (_concern(each, now) for each in told)
        screen.print(_table(screen, ("HOST", "GRADE", "WHAT", "WHY"), rows))
    left = found.concerns_left_out + len(found.concerns) - len(told)
    if left:
        screen.print(f"and {left} more like these: `offctl status --all`")
    if groups or told:
        name = visible((groups[0][0] if groups else told[0]).host, 40)
        screen.print(f"\nmore about one host: `offctl status {name}`", style="dim")


def _head(found: Overview, now: datetime) -> Iterator[Text]:
    site = visible(found.site, 60)
    if not found.serial:
        yield Text(f"{site}: nothing has been published yet")
    else:
        by = f" by {visible(found.operator, 60)}" if found.operator else ""
        when = f", published {moments.ago(found.published, now)}{by}" if found.published else ""
        yield Text(f"{site}: release {found.serial}{when}, expires {moments.day(found.expires)}")
    if found.expires is not None and _expires_soon(found, now):
        left = moments.span((found.expires - now).total_seconds())
        words = f"! it expires in {left}" if found.expires > now else "! it has expired"
        yield Text(f"{words}: publish it anew, or every host observes only", style="bold red")
    yield _numbers(found)
    if found.rollout is not None:
        yield from _progress(found.rollout)


def _numbers(found: Overview) -> Text:
    """How many hosts are in each state, worst first."""
    whole = sum(count for _, count in found.states)
    right = sum(count for state, count in found.states if state in {s.value for s in RIGHT})
    if not whole:
        return Text("no host is known")
    if right == whole:
        return Text(f"all {whole} hosts are as it says" if whole > 1 else "its host is as it says")
    line = Text(f"{whole} hosts: " if whole > 1 else "1 host: ")
    for number, (state, count) in enumerate(found.states):
        line.append(", " if number else "")
        line.append(f"{count} {visible(state, 20)}", style=style(_state(state)))
    return line


def _progress(rollout: Progress) -> Iterator[Text]:
    if rollout.halted:
        yield Text(f"! rollout halted: {visible(rollout.halted, 300)}", style="bold red")
        yield Text("  publish a release that mends it, or `offctl rollout resume`")
    if rollout.paused:
        yield Text(f"! rollout paused {visible(rollout.paused, 300)}", style="yellow")
        yield Text("  go on with `offctl rollout resume`")
    if rollout.waiting:
        waves = ", ".join(str(wave) for wave in rollout.waves)
        line = f"wave {rollout.wave} of {waves} has its turn; {_hosts(rollout.waiting)} for theirs"
        stopped = rollout.halted or rollout.paused
        yield Text(line + ("" if stopped else _until(rollout)))


def _hosts(number: int) -> str:
    return "1 host waits" if number == 1 else f"{number} hosts wait"


def _until(rollout: Progress) -> str:
    """Whom the next wave waits for."""
    if not rollout.awaited:
        return ""
    names = ", ".join(visible(host, 40) for host in rollout.awaited)
    more = rollout.awaited_hosts - len(rollout.awaited)
    names += f" and {more} more" if more > 0 else ""
    verb = "has" if rollout.awaited_hosts == 1 else "have"
    return f", until {names} {verb} been right for long enough"


def _table(screen: Console, names: tuple[str, ...], rows: Iterable[Iterable[Text]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names[:-1]:
        # What is long there must leave room for the reason.
        narrow = 28 if name == "WHAT" and screen.width < _WIDE else None
        table.add_column(name, no_wrap=narrow is None, max_width=narrow, overflow="fold")
    table.add_column(names[-1], overflow="fold", ratio=1)
    for row in rows:
        table.add_row(*row)
    return table


def _alike(hosts: Iterable[HostStatus]) -> list[tuple[HostStatus, ...]]:
    """Hosts with one and the same trouble are one thing to know."""
    groups: dict[tuple[str, ...], list[HostStatus]] = {}
    for status in hosts:
        # Each is silent for another time, and silent all the same.
        why = "" if state_of(status) is State.SILENT else status.reason
        groups.setdefault((status.state, status.mode, status.code, why), []).append(status)
    found: list[tuple[HostStatus, ...]] = []
    for group in groups.values():
        found += [tuple(group)] if len(group) > MOST_ALIKE else [(status,) for status in group]
    return found


def _row(group: tuple[HostStatus, ...], now: datetime) -> Iterator[Text]:
    status = group[0]
    state = state_of(status)
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    yield Text(visible(status.host, 40) + more)
    yield Text(visible(status.state, 20), style=style(state))
    yield Text(moments.ago(status.reported, now))
    audit = "(audit) " if status.mode == "audit" else ""
    code = f" [{visible(status.code, 30)}]" if status.code else ""
    yield Text(audit + visible(status.reason.replace("\n", " "), 160) + code)


def _concern(each: Concern, now: datetime) -> Iterator[Text]:
    yield Text(visible(each.host, 40))
    yield Text(visible(each.grade, 20), style=_STYLES.get(each.grade, ""))
    yield Text(f"{visible(each.kind, 20)} {visible(each.subject, 80)}")
    lasted = moments.since(each.since, now)
    for_ = f" (for {lasted})" if lasted else ""
    until = f", until {visible(each.until, 30)}" if each.until else ""
    yield Text(visible(each.reason.replace("\n", " "), 200) + until + for_)


def overview_json(found: Overview) -> dict[str, Any]:
    """The overview as one JSON object; times are RFC 3339 in UTC. Described in offctl-status(7)."""
    rollout = found.rollout
    return {
        "schema": SCHEMA,
        "site": found.site,
        "serial": found.serial,
        "manifest_sha256": found.manifest_sha256,
        "expires": moments.instant(found.expires),
        "published": moments.instant(found.published),
        "operator": found.operator,
        "states": dict(found.states),
        "hosts": [status_json(status) for status in found.hosts],
        "concerns": [asdict(each) for each in found.concerns],
        "concerns_left_out": found.concerns_left_out,
        "rollout": None if rollout is None else asdict(rollout),
    }


def status_json(status: HostStatus) -> dict[str, Any]:
    """One host's status, for JSON."""
    return {
        # Not `asdict`, which copies every value: of ten thousand hosts that takes a while.
        **{name: getattr(status, name) for name in _FIELDS},
        "reported": moments.instant(status.reported),
        "contacted": moments.instant(status.contacted),
    }


def _state(word: str) -> State | None:
    try:
        return State(word)
    except ValueError:
        return None


def style(state: State | None) -> str:
    """How a state looks where there is colour."""
    if state in BROKEN or state is None:
        return "bold red"
    return "green" if state in RIGHT else "yellow"
