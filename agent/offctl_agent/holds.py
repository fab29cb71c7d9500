"""Holds: an operator on this host said "change nothing", and that is kept whatever happens.

A hold needs no release, no coordinator and no running agent. It is durable before anybody is told
of it, and a memory of holds that cannot be read is a hold, never a permission.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
import json
from pathlib import Path

from offctl import errors, files
from offctl.tables import INSTANT, Table
from offctl_agent import checksummed

MAX_HOLDS = 64 * 1024
HOST = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is changed on `container` (HOST for everything) until `until`; None until released.

    `since` is when it began; `by` is the user who said so, as far as that is known.
    """

    container: int
    until: datetime | None
    reason: str
    since: str = ""
    by: str = ""

    def over(self, now: datetime) -> bool:
        return self.until is not None and now >= self.until


class Holds:
    """The holds of one host, in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[Hold, ...]:
        """Every hold that is kept, also those that are over; never raises."""
        try:
            content = files.read(self._path, limit=MAX_HOLDS)
            return () if content is None else _parse(content)
        except (errors.OffctlError, ValueError, RecursionError) as error:
            reason = f"cannot tell what was held: {self._path} is damaged ({error})"
            return (Hold(HOST, None, reason),)

    def put(self, hold: Hold) -> None:
        """Begin a hold; one on the same container is replaced. Raises AdminError."""
        others = [kept for kept in self.read() if kept.container != hold.container]
        self._write([*others, hold])

    def release(self, container: int) -> Hold | None:
        """End the hold on `container`; None when there was none. Raises AdminError."""
        kept = self.read()
        found = next((hold for hold in kept if hold.container == container), None)
        if found is not None:
            self._write(hold for hold in kept if hold is not found)
        return found

    def expire(self, now: datetime) -> list[Hold]:
        """Drop those that are over, and tell which. Raises AdminError."""
        kept = self.read()
        over = [hold for hold in kept if hold.over(now)]
        if over:
            self._write(hold for hold in kept if hold not in over)
        return over

    def _write(self, holds: Iterable[Hold]) -> None:
        listed = [
            {
                "container": hold.container,
                "until": None if hold.until is None else hold.until.strftime(INSTANT),
                "reason": hold.reason,
                "since": hold.since,
                "by": hold.by,
            }
            for hold in holds
        ]
        content = json.dumps({"holds": listed}, separators=(",", ":")).encode()
        files.write(self._path, checksummed.dump(content), mode=files.PRIVATE)


def _parse(content: bytes) -> tuple[Hold, ...]:
    inner = checksummed.parse(content)
    if inner is None:
        raise errors.MalformedError("its checksum is not its own")
    table = Table(json.loads(inner), "the holds")
    return tuple(_hold(item) for item in table.tables("holds"))


def _hold(item: Table) -> Hold:
    return Hold(
        container=item.integer("container"),
        until=None if item.is_null("until") else item.instant("until"),
        reason=item.string("reason"),
        since=item.string("since"),
        by=item.string("by"),
    )
