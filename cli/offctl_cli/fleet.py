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
