"""What the coordinator makes of a host's reports: one word, and why.

Pure: the newest report, the newest release and the clock come in as arguments. Different truths
have different words, and "all right" needs a fresh report about the newest release.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
import enum

from offctl import report as reports
from offctl.tables import INSTANT

# A host is silent after this many of its own intervals without a report, and never sooner than
# the grace below: a busy run may take longer than one interval.
SILENT_INTERVALS = 3
GRACE = timedelta(seconds=30)
# Clocks differ, and a report may wait for its courier, before its own time counts against it.
LATE = timedelta(minutes=2)


class State(enum.Enum):
    """One word for a host, worst first: the order in which several truths are told as one."""

    DUPLICATE = "duplicate"  # two machines report with its keys: was its disk copied?
    SILENT = "silent"  # it reported once, but not for three of its intervals
    REFUSED = "refused"  # it does not believe what it is offered
    FAILED = "failed"  # something it tried did not succeed
    EXPIRED = "expired"  # its release or trust root has expired: it observes and changes nothing
    UNKNOWN = "unknown"  # it could not read part of itself, and left that part alone
    STALE = "stale"  # nothing signed has told it for a day that its release is current
    AWAITED = "awaited"  # in the release, but it never reported
    BLOCKED = "blocked"  # something cannot be done without a person
    HELD = "held"  # somebody wants it to stay as it is, or has to approve a plan first
    QUEUED = "queued"  # an earlier wave has to show first that the newest release is right
    BEHIND = "behind"  # it works, but not yet towards the newest release
    DRIFT = "drift"  # it differs and may not, or did not yet, change that
    PENDING = "pending"  # a restart waits for its window
    RETIRED = "retired"  # it reported once, and the newest release does not name it
    CONVERGED = "converged"  # it is what the newest release says


BROKEN = frozenset({State.DUPLICATE, State.SILENT, State.REFUSED, State.FAILED, State.EXPIRED})
RIGHT = frozenset({State.CONVERGED})
# What these said last holds no more: they say nothing, or are not one host, or not of the site.
UNHEARD = frozenset({State.SILENT, State.DUPLICATE, State.RETIRED})


@dataclass(frozen=True, slots=True)
class Current:
    """The newest accepted release, as far as judging needs it; serial 0 when there is none."""

    serial: int = 0
    manifest_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state, the stable code behind it when there is one, and one line for people."""

    state: State
    code: str
    reason: str


def judge(
    report: reports.Report | None,
    *,
    received: datetime | None,
    current: Current,
    released: bool,
    now: datetime,
    since: datetime | None = None,
    duplicated: datetime | None = None,
    contacted: datetime | None = None,
) -> Verdict:
    """The worst that is true of a host. `received` is when the coordinator took the report in.

    `released` says whether the newest release names the host. Nobody is silent for longer than
    somebody listens: `since` is when the coordinator started. `duplicated` is when a second machine
    was last seen to report as this host, `contacted` when its courier last called.
    """
    if report is None or received is None:
        return Verdict(State.AWAITED, "", "never reported")
    allowed = silence(report)
    if duplicated is not None and now - duplicated <= 2 * allowed:
        return Verdict(
            State.DUPLICATE, "DUPLICATE", "two machines report with its keys: was its disk copied?"
        )
    unheard = _unheard(told_at(report, received), allowed, now, since)
    if not released:
        # A host that was shut out cannot report: that is no news, and would never end.
        how = f"is not in the newest release; {unheard or 'it still reports'}"
        return Verdict(State.RETIRED, "", how)
    if unheard:
        if contacted is not None and now - contacted <= allowed:
            # A first run that makes many containers takes long; a stuck agent looks the same.
            unheard += "; its courier calls, so its agent is in a long run, or stuck"
        return Verdict(State.SILENT, "", unheard)
    return _judge_content(report, current)


def _unheard(told: datetime, allowed: timedelta, now: datetime, since: datetime | None) -> str:
    """For how long nothing has been heard of a host, in words; empty when that is not too long."""
    # What came in the future came by a clock that was wrong then, or is wrong now.
    ahead = told - now > LATE
    if not ahead and now - told <= allowed:
        return ""
    if since is not None and since <= now and now - since <= allowed:
        return ""
    if ahead:
        return f"no report since this clock jumped back from {told.strftime(INSTANT)}"
    return f"no report for {_age(now - told)}"


def silence(report: reports.Report) -> timedelta:
    """For how long a host may say nothing after a report."""
    return max(GRACE, timedelta(seconds=SILENT_INTERVALS * report.interval))


def told_at(report: reports.Report, received: datetime) -> datetime:
    """When a report was true: as it came in, unless it had been on its way for long.

    A host that was cut off delivers old reports first; they say nothing about now. A host whose
    clock is ahead is never believed to have reported later than it did, nor is one silent whose
    clock is behind and known to be.
    """
    if report.code == "CLOCK":
        return received
    late = LATE + timedelta(seconds=2 * report.interval)
    return received if received - report.time <= late else report.time


def _judge_content(report: reports.Report, current: Current) -> Verdict:
    counts = report.counts
    behind = report.manifest_sha256 != current.manifest_sha256
    if report.refused is not None:
        return Verdict(State.REFUSED, report.refused.code, report.refused.reason)
    if counts.failed:
        return Verdict(State.FAILED, "", _first(report, "failed", counts.failed))
    if report.freshness == "expired":
        code = "TRUST_EXPIRED" if report.code == "TRUST_EXPIRED" else "EXPIRED"
        why = report.observe_only or "the release has expired"
        return Verdict(State.EXPIRED, code, f"{why}: observing only")
    if counts.unknown:
        return Verdict(State.UNKNOWN, "", _first(report, "unknown", counts.unknown))
    if report.freshness in ("stale", "unknown"):
        return Verdict(State.STALE, "STALE", "nothing signed says that its release is current")
    if counts.blocked or counts.skipped:
        return Verdict(
            State.BLOCKED, "", _first(report, "blocked", counts.blocked + counts.skipped)
        )
    if counts.held:
        return Verdict(State.HELD, _code(report), _first(report, "held", counts.held))
    if behind:
        return Verdict(State.BEHIND, "", f"at serial {report.serial} of {current.serial}")
    if report.observe_only and counts.drift:
        return Verdict(State.DRIFT, report.code, _first(report, "drift", counts.drift))
    if counts.drift:
        return Verdict(State.DRIFT, "", _first(report, "drift", counts.drift))
    if counts.pending:
        return Verdict(State.PENDING, "", _first(report, "pending", counts.pending))
    return Verdict(State.CONVERGED, _code(report), _waiting(report))


def _code(report: reports.Report) -> str:
    return report.waits[0].kind.upper() if report.waits else ""


def _waiting(report: reports.Report) -> str:
    """A host that is right and must stay as it is: nobody should wonder why later."""
    return "; ".join(
        f"{wait.kind} on {wait.scope}{f' until {wait.until}' if wait.until else ''}: {wait.reason}"
        for wait in report.waits
    )


def _first(report: reports.Report, state: str, count: int) -> str:
    for resource in report.resources:
        if resource.state == state:
            more = f" (and {count - 1} more)" if count > 1 else ""
            return f"{resource.resource}: {resource.reason}{more}"
    return f"{count} resources"


def _age(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
