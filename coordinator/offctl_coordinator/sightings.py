"""Noticing that two machines report with the keys of one host: a disk was copied.

A machine's name changes when it starts anew, and a name that another one has taken over from never
comes back. Pure: the clock comes in.
"""

from dataclasses import dataclass, field
from datetime import datetime

# A host that starts anew for ever must not fill our memory.
KEPT = 32


@dataclass(slots=True)
class _Seen:
    current: str
    since: datetime
    earlier: list[str] = field(default_factory=list)
    duplicated: datetime | None = None


class Sightings:
    """Which machine speaks for each host, and which did before."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Seen] = {}

    def see(self, host: str, machine: str, made: datetime, now: datetime) -> bool:
        """Take in a report, `made` by the host's own clock; whether it shows a second machine.

        Old reports that are handed in again show nothing: they were made before the change.
        """
        if not machine:
            return False
        seen = self._hosts.setdefault(host, _Seen(machine, made))
        if machine == seen.current:
            return False
        twice = machine in seen.earlier
        if twice and made < seen.since:
            return False
        if twice:
            seen.earlier.remove(machine)
            seen.duplicated = now
        seen.earlier = [*seen.earlier, seen.current][-KEPT:]
        seen.current, seen.since = machine, made
        return twice

    def duplicated(self) -> dict[str, datetime]:
        """When a second machine was last seen, for each host where one was."""
        return {h: s.duplicated for h, s in self._hosts.items() if s.duplicated is not None}
