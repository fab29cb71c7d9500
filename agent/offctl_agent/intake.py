"""Taking a release in: from the courier's hostile inbox to a desired state that can be believed."""

from dataclasses import dataclass
from datetime import datetime

from offctl import errors, files
from offctl.desired.model import DesiredState
from offctl.report import Refused
from offctl.trust import accept
from offctl.trust import release as releases
from offctl.trust import root as roots
from offctl.trust.root import TrustRoot
from offctl_agent.config import Config
from offctl_agent.mailbox import Inbox
from offctl_agent.state import State

MAX_TRUST = 512 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """The release the host works towards."""

    accepted: accept.AcceptedManifest
    desired: DesiredState
    bundle_sha256: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What came of looking: the release held (if any), an offer refused, and how fresh it is.

    `site` is the trust root's: it is known before any release is.

    `observe_only` is empty, or says why nothing may be changed.
    """

    site: str
    held: Held | None
    refused: Refused | None
    freshness: str
    observe_only: str
    news: bool = False


def take(config: Config, state: State, inbox: Inbox, *, now: datetime, keep: bool) -> Intake:
    """Verify what is held again, then what is offered; with `keep` a newer release is kept.

    Raises AdminError when the trust root cannot be read: without it nothing can be believed.
    """
    root = roots.parse(files.require(config.trust, limit=MAX_TRUST))
    held, broken = _held(config, state, root, now)
    offered, refused, news = held, None, False
    try:
        content = inbox.release()
        if content is not None:
            found = _judge(content, config, root, _floor(state, held), now, kept=False)
            if held is None or found.accepted.sha256 != held.accepted.sha256:
                if keep:
                    manifest = found.accepted.manifest
                    floor = accept.Floor(manifest.serial, found.accepted.sha256)
                    state.keep_release(content, floor)
                # Only what is kept is acted upon: a restart must not fall back behind it.
                offered, news = found, True
    except errors.RefusedError as error:
        if not (held is not None and error.code == "EXPIRED" and held.accepted.expired):
            refused = Refused(error.code, str(error))
    except (errors.MalformedError, errors.AdminError) as error:
        refused = Refused(error.code, str(error))
    freshness = "unknown" if offered is None else _freshness(inbox, root, offered, now)
    return Intake(
        root.site, offered, refused or broken, freshness, _observe_only(offered, root, now), news
    )


def _floor(state: State, held: Held | None) -> accept.Floor:
    """The higher of what the floor file and the held release say."""
    floor = state.floor()
    if held is not None and held.accepted.manifest.serial > floor.serial:
        return accept.Floor(held.accepted.manifest.serial, held.accepted.sha256)
    return floor


def _held(
    config: Config, state: State, root: TrustRoot, now: datetime
) -> tuple[Held | None, Refused | None]:
    content = state.release()
    if content is None:
        return None, None
    try:
        return _judge(content, config, root, accept.Floor(), now, kept=True), None
    except (errors.RefusedError, errors.MalformedError) as error:
        reason = f"the release kept here is no longer believed: {error}"
        return None, Refused(error.code, reason)


def _judge(
    content: bytes,
    config: Config,
    root: TrustRoot,
    floor: accept.Floor,
    now: datetime,
    *,
    kept: bool,
) -> Held:
    drop = releases.parse(content)
    accepted = accept.manifest(drop.envelope, root, floor=floor, now=now, kept=kept)
    bundle = drop.bundle(config.host)
    entry = accepted.manifest.entry(config.host)
    if bundle is None:
        raise errors.RefusedError(
            f"cannot accept release {accepted.manifest.serial}: "
            f"it {'names' if entry else 'does not name'} host {config.host!r}, "
            "and the drop holds no bundle for it",
            code="WRONG_HOST",
        )
    desired = accept.bundle(accepted, host=config.host, content=bundle)
    return Held(accepted, desired, "" if entry is None else entry.sha256)


def _freshness(inbox: Inbox, root: TrustRoot, held: Held, now: datetime) -> str:
    try:
        content = inbox.timestamp()
        stamp = None if content is None else accept.timestamp(content, root, now=now)
    except errors.OffctlError:
        return "expired" if held.accepted.expired else "stale"
    return accept.freshness(held.accepted, stamp, now)


def _observe_only(held: Held | None, root: TrustRoot, now: datetime) -> str:
    if held is None:
        return "no release is believed"
    if now >= root.expires:
        return "the trust root has expired"
    if held.accepted.expired:
        return "the release has expired"
    if held.desired.mode.value == "audit":
        return "audit mode"
    return ""
