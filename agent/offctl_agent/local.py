"""What this host knows of itself without asking anybody: its last report and the courier's word."""

from dataclasses import dataclass
import json

from offctl import errors
from offctl import report as reports
from offctl.report import Report
from offctl_agent.config import Config
from offctl_agent.mailbox import Inbox, Outbox


@dataclass(frozen=True, slots=True)
class Courier:
    """The courier's own word: when it last reached `address` (RFC 3339 or ""), its last error."""

    contacted: str
    address: str
    error: str


@dataclass(frozen=True, slots=True)
class Seen:
    """The last report, if there is one, and the courier's note, if it left one."""

    report: Report | None
    courier: Courier | None


def read(config: Config) -> Seen:
    """Read both; raises AdminError for directories that cannot be read."""
    outbox = Outbox(config.outbox, config.runtime)
    newest = [content for _, content in outbox.after(outbox.newest() - 1)]
    return Seen(reports.parse(newest[-1]) if newest else None, _note(config))


def _note(config: Config) -> Courier | None:
    try:
        content = Inbox(config.inbox).note()
        values = {} if content is None else json.loads(content)
    except (errors.AdminError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not values:
        return None
    return Courier(*(str(values.get(key, "")) for key in ("contacted", "address", "error")))
