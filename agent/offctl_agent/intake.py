"""Taking a release in: from the courier's hostile inbox to a desired state that can be believed."""

from collections.abc import Callable
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from offctl import errors, files
from offctl.desired.model import DesiredState
from offctl.report import Refused
from offctl.tables import INSTANT
from offctl.trust import accept
from offctl.trust import release as releases
from offctl.trust import root as roots
from offctl.trust.root import TrustRoot
from offctl_agent import floors, trustroots
from offctl_agent.config import Config
from offctl_agent.floors import Mark
from offctl_agent.host.protocol import FloorStore, Nowhere
from offctl_agent.mailbox import Inbox
from offctl_agent.memory import Memory, Recalled
from offctl_agent.state import State
from offctl_agent.trustroots import Rooted

# How far the signed time must have moved on before it is worth a durable write.
CLOCK_STEP = timedelta(hours=1)
# The code of news that had been over when it came.
CLOCK_AHEAD = "CLOCK_AHEAD"


@dataclass(frozen=True, slots=True)
class Held:
    """The release the host works towards."""

    accepted: accept.AcceptedManifest
    desired: DesiredState
    bundle_sha256: str

    @property
    def floor(self) -> accept.Floor:
        """What this release makes the floor."""
        return accept.Floor(self.accepted.manifest.serial, self.accepted.sha256)

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that this host manages, by its own text."""
        named = {dataset.name.partition("/")[0] for dataset in self.desired.datasets}
        return tuple(sorted(named.union(self.desired.pools)))


@dataclass(frozen=True, slots=True)
class Intake:
    """What came of looking: the release held (if any), an offer refused, and how fresh it is.

    `site` is the trust root's: it is known before any release is.

    `observe_only` is empty, or says why nothing may be changed; `code` is the word for programs.
    `until` is when that comes to be so by itself: release or trust root, what expires first.
    """

    site: str
    held: Held | None
    refused: Refused | None
    freshness: str
    observe_only: str
    news: bool = False
    code: str = ""
    notes: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where things lie, the time that counts, and whether anything may be written."""

    config: Config
    state: State
    inbox: Inbox
    memory: Memory
    now: datetime
    keep: bool


@dataclass(frozen=True, slots=True)
class _Offered:
    """What the inbox changed."""

    held: Held | None
    refused: Refused | None = None
    news: bool = False
    notes: tuple[str, ...] = ()


def take(
    config: Config,
    state: State,
    inbox: Inbox,
    *,
    now: datetime,
    keep: bool,
    store: FloorStore | None = None,
) -> Intake:
    """Verify what is held again, then what is offered; with `keep` a newer release is kept.

    Raises AdminError when the trust root cannot be read: without it nothing can be believed.
    """
    signed = state.signed_time() or now
    wrong_clock = _wrong_clock(now, signed)
    # Whatever the clock says: it is not earlier than what was signed and believed before.
    desk = _Desk(config, state, inbox, Memory(state, store or Nowhere()), max(now, signed), keep)
    root = trustroots.load(config)
    recalled = desk.memory.recall(root.site)
    keeping = _keeper(desk, recalled) if keep else None
    rooted = trustroots.take(root, inbox, least=recalled.mark.trust, keep=keeping)
    held, broken = _held(desk, rooted.root)
    lost = recalled.lost if held is None else ""
    offered = _offered(desk, rooted.root, held, recalled, lost=lost)
    word, stamped, doubt = _freshness(desk, rooted.root, offered.held)
    learnt = _learn(desk, offered.held, stamped, rooted, recalled)
    code, observe_only = _observe_only(offered.held, rooted, lost, wrong_clock, desk.now)
    return Intake(
        rooted.root.site,
        offered.held,
        _foremost(offered, broken, rooted, lost, wrong_clock, doubt),
        word,
        observe_only,
        offered.news,
        code,
        (*recalled.notes, *offered.notes, *learnt),
        _until(offered.held, rooted.root),
    )


def _until(held: Held | None, root: TrustRoot) -> datetime | None:
    return None if held is None else min(held.accepted.manifest.expires, root.expires)


def _foremost(
    offered: _Offered,
    broken: Refused | None,
    rooted: Rooted,
    lost: str,
    wrong_clock: str,
    doubt: Refused | None,
) -> Refused | None:
    """Of all that is not believed, what a person must hear of first."""
    held = offered.held
    if doubt is not None and doubt.code == CLOCK_AHEAD:
        return doubt  # it is why everything seems to have expired
    if offered.refused is not None:
        return offered.refused
    if broken is not None and held is None:
        return broken
    if rooted.refused is not None:
        return rooted.refused
    if lost and held is not None:
        return _lost(lost, held)
    return Refused("CLOCK", wrong_clock) if wrong_clock else doubt


def _wrong_clock(now: datetime, signed: datetime) -> str:
    if signed - now <= accept.CLOCK_SKEW:
        return ""
    return (
        f"the clock here says {now.strftime(INSTANT)}, but what was signed "
        f"{signed.strftime(INSTANT)} was believed before"
    )


def _keeper(desk: _Desk, recalled: Recalled) -> Callable[[TrustRoot], None]:
    def keep(root: TrustRoot) -> None:
        # The floor first: the way back is closed before anything is believed by the new one. Where
        # nobody knows how far this host had come, that stays so until an operator says.
        if not recalled.lost:
            desk.memory.raise_to(Mark(root.site, recalled.mark.floor, root.version), ())
        files.write(desk.config.trust, roots.dump(root))

    return keep


def _held(desk: _Desk, root: TrustRoot) -> tuple[Held | None, Refused | None]:
    content = desk.state.release()
    if content is None:
        return None, None
    try:
        return _judge(desk, content, root, accept.Floor(), kept=True), None
    except (errors.RefusedError, errors.MalformedError) as error:
        reason = f"the release kept here is no longer believed: {error}"
        return None, Refused(error.code, reason)


def _offered(
    desk: _Desk, root: TrustRoot, held: Held | None, recalled: Recalled, *, lost: str
) -> _Offered:
    own = () if held is None else (Mark(root.site, held.floor),)
    floor = floors.highest((recalled.mark, *own)).floor
    try:
        content = desk.inbox.release()
        if content is None:
            return _Offered(held)
        found = _judge(desk, content, root, floor, kept=False)
        if held is not None and found.accepted.sha256 == held.accepted.sha256:
            return _Offered(held)
        if lost or not desk.keep:
            return _Offered(found, news=True)
        # Floor first, release second, and only what is kept is acted upon.
        notes = desk.memory.raise_to(Mark(root.site, found.floor, root.version), found.pools)
        desk.state.keep_release(content)
        return _Offered(found, news=True, notes=notes)
    except (errors.RefusedError, errors.MalformedError, errors.AdminError) as error:
        expired = held is not None and error.code == "EXPIRED" and held.accepted.expired
        return _Offered(held, None if expired else Refused(error.code, str(error)))


def _judge(
    desk: _Desk, content: bytes, root: TrustRoot, floor: accept.Floor, *, kept: bool
) -> Held:
    drop = releases.parse(content)
    accepted = accept.manifest(drop.envelope, root, floor=floor, now=desk.now, kept=kept)
    host = desk.config.host
    bundle = drop.bundle(host)
    entry = accepted.manifest.entry(host)
    if bundle is None:
        raise errors.RefusedError(
            f"cannot accept release {accepted.manifest.serial}: "
            f"it {'names' if entry else 'does not name'} host {host!r}, "
            "and the drop holds no bundle for it",
            code="WRONG_HOST",
        )
    desired = accept.bundle(accepted, host=host, content=bundle)
    return Held(accepted, desired, "" if entry is None else entry.sha256)


def _freshness(
    desk: _Desk, root: TrustRoot, held: Held | None
) -> tuple[str, datetime | None, Refused | None]:
    """The word, when the believed timestamp was signed, and what is wrong with another one."""
    stamp, doubt, content, there = None, None, b"", True
    try:
        found = desk.inbox.timestamp()
        there, content = found is not None, found or b""
        stamp = accept.timestamp(content, root, now=desk.now) if there else None
    except errors.OffctlError as error:
        doubt = Refused(error.code, str(error))
        if error.code in ("EXPIRED", "TRUST_EXPIRED"):
            doubt = _ahead(content, root, desk.inbox.timestamp_came())
    signed = None if stamp is None else stamp.created
    if held is None:
        return "unknown", signed, doubt
    if (
        stamp is not None
        and stamp.serial == held.floor.serial
        and stamp.sha256 != held.floor.sha256
    ):
        doubt = Refused(
            "EQUIVOCATION",
            f"the coordinator calls release {stamp.serial} with sha256 {stamp.sha256} current; "
            f"the one held here has {held.floor.sha256}",
        )
    if stamp is None and there:
        return ("expired" if held.accepted.expired else "stale"), None, doubt
    return accept.freshness(held.accepted, stamp, desk.now), signed, doubt


def _ahead(content: bytes, root: TrustRoot, came: datetime | None) -> Refused | None:
    """Signed news that had been over when it came: no coordinator serves such, by a right clock."""
    with contextlib.suppress(errors.OffctlError):
        stamp = accept.stamped(content, root)
        if came is not None and came - stamp.expires > accept.CLOCK_SKEW:
            return Refused(
                CLOCK_AHEAD,
                f"what came here {came.strftime(INSTANT)}, by the clock of this host, was signed "
                f"{stamp.created.strftime(INSTANT)} for a day: one of the two clocks is wrong",
            )
    return None


def _learn(
    desk: _Desk,
    held: Held | None,
    stamped: datetime | None,
    rooted: Rooted,
    recalled: Recalled,
) -> tuple[str, ...]:
    """Remember the latest signed time, and mend a floor that is missing in one of its places."""
    if not desk.keep or held is None:
        return ()
    known = desk.state.signed_time()
    latest = max(filter(None, (held.accepted.manifest.created, stamped)))
    own = Mark(rooted.root.site, held.floor, rooted.root.version)
    try:
        if known is None or latest - known >= CLOCK_STEP:
            desk.state.keep_signed_time(latest)
        if desk.state.release() is not None and not rooted.fallen:
            return desk.memory.raise_to(floors.highest((recalled.mark, own)), held.pools)
    except errors.AdminError as error:
        return (str(error),)
    return ()


def _lost(lost: str, held: Held) -> Refused:
    serial = held.floor.serial
    return Refused(
        floors.FLOOR_LOST,
        f"{lost}; if release {serial} is the newest, say so here with "
        f"`offctl-agent confirm {serial}`",
    )


def _observe_only(
    held: Held | None, rooted: Rooted, lost: str, wrong_clock: str, now: datetime
) -> tuple[str, str]:
    if held is None:
        return "NO_RELEASE", "no release is believed"
    if lost:
        return floors.FLOOR_LOST, "it is not known how far this host had come"
    if wrong_clock:
        return "CLOCK", "the clock is wrong"
    if rooted.fallen:
        return "ROLLBACK", "the trust root went back"
    if now >= rooted.root.expires:
        return "TRUST_EXPIRED", "the trust root has expired"
    if held.accepted.expired:
        return "EXPIRED", "the release has expired"
    if held.desired.mode.value == "audit":
        return "AUDIT", "audit mode"
    return "", ""
