"""Why "nothing is reported wrong" would be no verdict on what is on a host. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from offctl.report import AGENT, Report
from offctl.status import UNHEARD, State
from offctl_cli import overview
from offctl_cli.fleet import HostStatus

# What a host in these states reports, or does not, says nothing of a resource that holds now.
_DOUBTED = UNHEARD | {
    *(State.AWAITED, State.REFUSED, State.EXPIRED, None),
    # It may be right, by a release that is not the newest.
    *(State.STALE, State.BEHIND, State.QUEUED),
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """One reason, as it came: whoever prints it makes it harmless. `status` is an exit status."""

    reason: str
    status: int = 1


def doubts(status: HostStatus, report: Report | None, unreadable: str) -> Iterator[Doubt]:
    """`unreadable` says why a report that came cannot be read here; empty when it can."""
    if overview.state_of(status) in _DOUBTED:
        why = f": {status.reason}" if status.reason else ""
        yield Doubt(f"{status.state}{why}", max(1, overview.exit_status((status,))))
    elif report is None and not unreadable:
        yield Doubt("no report at all")
    if unreadable:
        yield Doubt(f"its report cannot be read here: {unreadable}")
    if report is None:
        return
    for each in report.resources:
        if each.resource == AGENT:
            yield Doubt(f"an error ended its run: {each.reason}", 2)
    if report.serial == 0:
        yield Doubt("it reports about no release yet")
    if report.omitted:
        yield Doubt(f"{report.omitted} more were left out of its report")
