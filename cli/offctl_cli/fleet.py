"""What a coordinator says about its hosts and releases, as plain values for commands to print.

Text in here came from hosts: print it through `offctl.text.visible` only. Times are in UTC.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One host as the coordinator judges it; `state` is one of offctl.status.State's values.

    `reported` is None when it never reported, `contacted` None when it never called. `mode` is
    empty when unknown, `serial` 0 when the host never accepted a release.
    """

    host: str
    state: str
    code: str
    reason: str
    mode: str
    serial: int
    reported: datetime | None
    contacted: datetime | None
    freshness: str
    resources: int
    drift: int
    pending_restarts: int
    failed: int
    blocked: int
    unknown: int
    orphans: int
    unmanaged: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class HostList:
    """All hosts, sorted by name, and the newest release: serial 0 when nothing is published."""

    site: str
    serial: int
    manifest_sha256: str
    expires: datetime | None
    hosts: tuple[HostStatus, ...]


@dataclass(frozen=True, slots=True)
class HostDetail:
    """One host and its newest report as it wrote it (offctl.report); empty when there is none."""

    status: HostStatus
    report: bytes


@dataclass(frozen=True, slots=True)
class Observed:
    """What a host observed last, as it packed it; `at` by its own clock."""

    content: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One release that was published; `operator` as the trust root calls who did it."""

    serial: int
    manifest_sha256: str
    published: datetime
    operator: str
    hosts: int


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a release that was accepted."""

    serial: int
    hosts: int
    already_current: bool


@dataclass(frozen=True, slots=True)
class PublishedRoot:
    """What became of a trust root that was accepted."""

    version: int
    already_in_force: bool


@dataclass(frozen=True, slots=True)
class RolloutHost:
    """One host of the newest release; `offered` is the serial it gets, 0 for none.

    It must be right for `soak` seconds before the next wave has its turn, and was for `right`.
    """

    host: str
    wave: int
    soak: int
    right: int
    offered: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the newest release has come; `paused` and `halted` say why it goes no further."""

    serial: int
    wave: int
    paused: str
    halted: str
    hosts: tuple[RolloutHost, ...]


@dataclass(frozen=True, slots=True)
class Concern:
    """Something to know that is no host's state; `grade` is one of offctl.concerns.Grade's values.

    `host` may have more than one end of it elsewhere. Times are UTC as RFC 3339, or empty.
    """

    grade: str
    kind: str
    host: str
    subject: str
    reason: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the newest release has come: `wave` is the highest of `waves` that has its turn.

    `waiting` counts the hosts whose turn has not come, because of the `awaited_hosts` of which some
    are `awaited`; `paused` and `halted` are empty or say why no further wave has its turn.
    """

    wave: int
    waves: tuple[int, ...]
    paused: str
    halted: str
    waiting: int
    awaited: tuple[str, ...]
    awaited_hosts: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The site as a whole; `hosts` and `concerns` are worst first, `serial` 0 is no release.

    `states` counts every host; `hosts` are all of them, or those that are not right.
    """

    site: str
    serial: int
    manifest_sha256: str
    expires: datetime | None
    published: datetime | None
    operator: str
    states: tuple[tuple[str, int], ...]
    hosts: tuple[HostStatus, ...]
    hosts_left_out: int
    concerns: tuple[Concern, ...]
    concerns_left_out: int
    rollout: Progress | None


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it was, and what it became or should have become."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `kind` is "publish", "trust", "rollout", "action" or "unasked".

    `number` grows within one log; `time` is by the host's own clock, UTC as RFC 3339. `host` is
    empty for what is about the site, `who` where nobody is known, `serial` 0 for no release.
    """

    number: int
    received: datetime
    time: str
    kind: str
    host: str
    who: str
    serial: int
    resource: str
    action: str
    origin: str
    outcome: str
    detail: str
    milliseconds: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, oldest first; `newest` is the number of the newest of all."""

    events: tuple[Event, ...]
    newest: int
