"""What the store keeps, as values, and what a store must be able to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from offctl.trust.release import SignedRelease


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One published release; `operator` is the name in the trust root of who published it."""

    serial: int
    sha256: str
    release: SignedRelease
    published: datetime
    operator: str


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One line of history; `hosts` counts them."""

    serial: int
    sha256: str
    published: datetime
    operator: str
    hosts: int


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One report as it came; `received` is by the coordinator's clock."""

    host: str
    stream: str
    sequence: int
    received: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class ObservationRecord:
    """What a host observed last, as it came; `observed` is when it last said so, by its clock."""

    host: str
    sha256: str
    observed: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One thing that happened; `number` grows, and is 0 before it is kept.

    `host` is empty for what is about the site as a whole. `content` says what happened, and
    `digest` is the same whenever the same is told again.
    """

    host: str
    digest: str
    received: datetime
    content: bytes
    number: int = 0


class Store(Protocol):
    """Durable memory, used from one thread. Every method MUST raise AdminError when it fails.

    A method that returns has made its change durable; one that raises has made none.
    """

    def newest_release(self) -> ReleaseRecord | None:
        """The release of the highest serial."""
        ...

    def add_release(self, record: ReleaseRecord) -> None:
        """Keep a release of a new serial; one with a known manifest is made whole again."""
        ...

    def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """At most `limit` releases, newest first."""
        ...

    def add_report(self, record: ReportRecord) -> bool:
        """Keep a report; False when the same or a later one of its stream is kept already."""
        ...

    def newest_report(self, host: str) -> ReportRecord | None:
        """The report that came in last from `host`."""
        ...

    def newest_reports(self) -> tuple[ReportRecord, ...]:
        """The report that came in last from each host."""
        ...

    def release(self, serial: int) -> ReleaseRecord | None:
        """One release; None when it, or the content of one of its bundles, is not kept."""
        ...

    def keep_observation(self, record: ObservationRecord) -> None:
        """Keep what a host observed, in place of what it observed before."""
        ...

    def observed(self, host: str, sha256: str, at: datetime) -> bool:
        """Note that a host observed the same again; False when that is not what is kept."""
        ...

    def observation(self, host: str) -> ObservationRecord | None:
        """What a host observed last."""
        ...

    def add_events(self, records: tuple[EventRecord, ...]) -> int:
        """Keep those whose digest is not kept yet for their host; how many that were."""
        ...

    def events(self, host: str, after: int, limit: int) -> tuple[EventRecord, ...]:
        """At most `limit` events, oldest first: the newest, or those with a number above `after`.

        Of one host, or of all when `host` is empty.
        """
        ...

    def newest_event(self) -> int:
        """The number of the newest event; 0 when there is none."""
        ...

    def recall(self, name: str) -> str:
        """A short text that was kept under `name`; empty when there is none."""
        ...

    def keep(self, name: str, text: str) -> None:
        """Keep a short text under `name`, in place of the one before."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
