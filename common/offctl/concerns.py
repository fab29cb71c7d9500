"""What an operator should know besides each host's own state, worst first. Pure.

Tunnels that do not work, pools that fail or fill up or get no snapshots, what somebody wants to
stay as it is or has to approve, and what an interrupted change still owes. What is well is not
among them. Whoever is silent says nothing here: its old word is no news, its state tells that.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import enum

from offctl import links, pools
from offctl.links import Link
from offctl.pools import PoolStatus
from offctl.report import Report, Wait
from offctl.tables import INSTANT

# Parts of a hundred of a pool that are used: from here on ZFS gets slow, and then full.
FULL = 80
VERY_FULL = 95
# A daily snapshot that was missed by half a day.
SNAPSHOTS = timedelta(hours=36)

_SOUND, _DEGRADED = "ONLINE", "DEGRADED"


class Grade(enum.Enum):
    """How bad it is, worst first."""

    BROKEN = "broken"  # something does not work now
    ATTENTION = "attention"  # a person has to look at it
    NOTE = "note"  # it is as somebody wants it, or rights itself; nobody should wonder


@dataclass(frozen=True, slots=True)
class Concern:
    """One thing to know about a `subject` on a host. Times are UTC as RFC 3339, or empty."""

    grade: Grade
    kind: str
    host: str
    subject: str
    reason: str
    since: str = ""
    until: str = ""


def concerns(reports: Mapping[str, Report | None], now: datetime) -> list[Concern]:
    """Everything there is, worst first; None stands for a host that is not to be heard."""
    since = stale(now)
    found = list(_tunnels(reports))
    for host, report in reports.items():
        if report is not None:
            found += _of_host(host, report, since)
    grades = {grade: number for number, grade in enumerate(Grade)}
    return sorted(found, key=lambda c: (grades[c.grade], c.kind, c.host, c.subject))


def stale(now: datetime) -> str:
    """Snapshots of a pool that last changed before this have stopped."""
    return (now - SNAPSHOTS).strftime(INSTANT)


def _of_host(host: str, report: Report, since: str) -> Iterator[Concern]:
    for pool in report.pools:
        if (found := trouble(pool, since)) is not None:
            grade, reason = found
            yield Concern(grade, "pool", host, pool.pool, reason)
    for wait in report.waits:
        yield from _wait(host, wait)
    for debt in report.debts:
        reason = "owed since a change was interrupted; given back as soon as that can be"
        yield Concern(Grade.NOTE, "debt", host, debt, reason)


def trouble(pool: PoolStatus, since: str) -> tuple[Grade, str] | None:
    """What is wrong with a pool; snapshots last changed before `since` have stopped."""
    told: list[tuple[Grade, str]] = []
    if pool.health != _SOUND:
        grade = Grade.ATTENTION if pool.health == _DEGRADED else Grade.BROKEN
        told.append((grade, pool.health or "in no state"))
    if (full := pool.used_of_hundred) >= FULL:
        grade = Grade.BROKEN if full >= VERY_FULL else Grade.ATTENTION
        told.append((grade, f"{full} % full, {pools.size(pool.free)} free"))
    if pool.snapshots and pool.snapshots < since:
        words = f"snapshots unchanged since {pool.snapshots[:10]}"
        told.append((Grade.ATTENTION, words))
    if not told:
        return None
    broken = any(grade is Grade.BROKEN for grade, _ in told)
    return Grade.BROKEN if broken else Grade.ATTENTION, "; ".join(words for _, words in told)


def _wait(host: str, wait: Wait) -> Iterator[Concern]:
    """What was undone has made its host fail, and is told there."""
    if wait.kind in ("hold", "freeze"):
        yield Concern(Grade.NOTE, wait.kind, host, wait.scope, wait.reason, until=wait.until)
    elif wait.kind == "approval":
        reason = f"{wait.reason}; to go on: {wait.go_on}"
        yield Concern(Grade.ATTENTION, wait.kind, host, wait.scope, reason, until=wait.until)


def _tunnels(reports: Mapping[str, Report | None]) -> Iterator[Concern]:
    # Most are right and never rotated: only the others are looked at from both ends.
    odd = {
        each.tunnel
        for report in reports.values()
        if report is not None
        for each in report.tunnels
        if each.state not in links.RIGHT or each.generation > 1
    }
    for link in links.links(reports, odd) if odd else ():
        if link.state in ("down", "broken", "unknown", "not loaded"):
            yield _wrong(link)
        elif link.between:
            used, accepted = (" and ".join(map(str, each)) for each in (link.used, link.accepted))
            reason = f"between two keys: uses {used}, accepts {accepted}; `offctl tunnel rotate`"
            yield Concern(Grade.NOTE, "tunnel", _hosts(link), link.name, reason, link.between)


def _wrong(link: Link) -> Concern:
    state = link.state
    worst = next(end for end in link.ends if end.status.state == state)
    why = f": {worst.status.reason}" if worst.status.reason else ""
    grade = Grade.BROKEN if state in ("down", "broken") else Grade.ATTENTION
    reason = f"{state} at the {worst.status.role} end on {worst.host}{why}"
    return Concern(grade, "tunnel", _hosts(link), link.name, reason, link.since)


def _hosts(link: Link) -> str:
    """The host of its client end, or of whichever end is known."""
    clients = [end.host for end in link.ends if end.status.role == "client"]
    return (clients or [end.host for end in link.ends])[0]
