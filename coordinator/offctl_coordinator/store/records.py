"""What the store keeps, as values, and what a store must be able to do."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from offctl import errors
from offctl.trust.release import SignedRelease
from offctl.trust.rotation import Step


class OvertakenError(errors.RefusedError):
    """Something as new or newer is in the database already; another coordinator was faster."""

    code = "OVERTAKEN"


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


@dataclass(frozen=True, slots=True)
class SpellRecord:
    """Since when, and until when, `host` has been right with the release of manifest `sha256`.

    It is broken by silence for longer than `gap`.
    """

    host: str
    sha256: str
    since: datetime
    last: datetime
    gap: timedelta


@dataclass(frozen=True, slots=True)
class Added:
    """Whether a report was new, and the host's spell after it."""

    new: bool
    spell: SpellRecord | None


# Both are called within the transaction, so they must be pure and quick.
SpellChange: TypeAlias = Callable[[SpellRecord | None], SpellRecord | None]
Decision: TypeAlias = Callable[[str, tuple[SpellRecord, ...]], str]


class Store(Protocol):
    """Durable memory, used from one thread. Every method MUST raise AdminError when it fails.

    UnreachableError means that the database is away, and that the same may work later. A method
    that returns has made its change durable; one that raises has made none. Several processes may
    have stores of one database: each change is whole, and what it stands on cannot have changed.
    """

    def newest_release(self) -> ReleaseRecord | None:
        """The release of the highest serial."""
        ...

    def add_release(self, record: ReleaseRecord) -> None:
        """Keep a release of a higher serial; one with a known manifest is made whole again.

        Raises OvertakenError when the serial is not higher than all that are kept.
        """
        ...

    def history(self, limit: int) -> tuple[HistoryRecord, ...]:
        """At most `limit` releases, newest first."""
        ...

    def add_report(self, record: ReportRecord, change: SpellChange) -> Added:
        """Keep a report, and what it makes of its host's spell.

        Neither when the same or a later one of its stream is kept already.
        """
        ...

    def newest_report(self, host: str) -> ReportRecord | None:
        """The report that came in last from `host`."""
        ...

    def newest_reports(self) -> tuple[ReportRecord, ...]:
        """The report that came in last from each host."""
        ...

    def newest_reports_of(self, hosts: Collection[str]) -> tuple[ReportRecord, ...]:
        """The report that came in last from each of these."""
        ...

    def spells(self, hosts: Collection[str] | None = None) -> tuple[SpellRecord, ...]:
        """The spell of each host that has one; with `hosts`, of these."""
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

    def rollout(self) -> str:
        """What was decided last about the rollout; empty when nothing was."""
        ...

    def decide(self, decision: Decision) -> str:
        """Replace that by what `decision` makes of it and of all spells; the new text.

        Nobody else decides or adds a release meanwhile, in whatever process.
        """
        ...

    def trust_roots(self) -> tuple[Step, ...]:
        """The trust roots that were published, oldest first."""
        ...

    def add_trust_root(self, step: Step) -> None:
        """Keep one; OvertakenError when another one of its version is kept."""
        ...

    def contacts(self) -> Mapping[str, datetime]:
        """When each host called last, as far as that was noted."""
        ...

    def note_contacts(self, times: Mapping[str, datetime]) -> None:
        """Note when hosts called; an earlier time than is known changes nothing."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
