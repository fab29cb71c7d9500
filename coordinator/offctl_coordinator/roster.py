"""What an operator is told about the hosts: each one's newest report, judged.

Pure: it knows neither the store nor protobuf, and takes the clock as an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from offctl import report as reports
from offctl import status
from offctl.report import Report
from offctl.status import State, Verdict
from offctl.trust.root import TrustRoot
from offctl_coordinator import turns
from offctl_coordinator.publication import Publication
from offctl_coordinator.turns import Turns


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest report of a host, and when it came in by the coordinator's clock."""

    report: Report
    received: datetime


@dataclass(frozen=True, slots=True)
class HostView:
    """One host as the coordinator sees it; the times are None when there was none."""

    host: str
    verdict: Verdict
    mode: str
    serial: int
    reported: datetime | None
    contacted: datetime | None
    freshness: str
    counts: reports.Counts


@dataclass(frozen=True, slots=True)
class Roster:
    """All that is known of hosts at one moment; `since` is when the coordinator started.

    `duplicated` says when a second machine was last seen with the keys of a host.
    """

    publication: Publication | None
    standings: Mapping[str, Standing]
    contacts: Mapping[str, datetime]
    since: datetime | None = None
    duplicated: Mapping[str, datetime] = field(default_factory=dict)
    turns: Turns | None = None

    def names(self) -> list[str]:
        """Every host of the newest release and every host that ever reported, sorted."""
        released = {host.name for host in self.publication.hosts} if self.publication else set()
        return sorted(released | self.standings.keys())

    def view(self, name: str, now: datetime) -> HostView:
        """The host `name`, which must be one of `names`."""
        standing = self.standings.get(name)
        released = self.publication.host(name) if self.publication else None
        report = standing.report if standing else None
        return HostView(
            host=name,
            verdict=self._verdict(name, standing, released=released is not None, now=now),
            mode=report.mode if report else released.mode if released else "",
            serial=report.serial if report else 0,
            reported=status.told_at(standing.report, standing.received) if standing else None,
            contacted=self.contacts.get(name),
            freshness=report.freshness if report else "unknown",
            counts=report.counts if report else reports.Counts(),
        )

    def _verdict(
        self, name: str, standing: Standing | None, *, released: bool, now: datetime
    ) -> Verdict:
        """Judged by the release it is offered; whoever is right there but not newest is queued."""
        offered = self.publication
        waits = turns.waiting(self.turns, name) if self.turns and released else ""
        if waits and self.turns:
            offered = self.turns.offer(name)
        current = status.Current(offered.serial, offered.sha256) if offered else status.Current()
        found = status.judge(
            standing.report if standing else None,
            received=standing.received if standing else None,
            current=current,
            released=released,
            now=now,
            since=self.since,
            duplicated=self.duplicated.get(name),
            contacted=self.contacts.get(name),
        )
        queued = found.state in (State.CONVERGED, State.BEHIND, State.AWAITED)
        return Verdict(State.QUEUED, "", waits) if waits and queued else found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The hosts, the trust root and the clock of one moment; `sure` unless they may be old."""

    roster: Roster
    root: TrustRoot
    now: datetime
    sure: bool = True
