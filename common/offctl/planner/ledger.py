"""What the host was last seen to be, field by field, and which fields we were the ones to set.

The ledger answers two questions no look at the host can: was this different because the text
changed or because somebody changed the host, and may a value that left the text go back to its
default. It is memory, never authority: losing it makes the agent more careful, not less.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offctl.planner.plan import Origin

EXISTS = "exists"


@dataclass(frozen=True, slots=True)
class Entry:
    """The last agreed value of a field; `ours` when an action of ours put it there."""

    value: str
    ours: bool


class Ledger:
    """Entries by resource key and field."""

    def __init__(
        self, entries: Mapping[str, Mapping[str, Entry]] | None = None, *, lost: bool = False
    ) -> None:
        """`lost`: there was a ledger once, and what it said is not known any more."""
        self.lost = lost
        self._entries = {key: dict(fields) for key, fields in (entries or {}).items()}

    def entry(self, key: str, field: str) -> Entry | None:
        return self._entries.get(key, {}).get(field)

    def fields(self, key: str) -> Mapping[str, Entry]:
        """All fields of one resource; empty when it is not known."""
        return self._entries.get(key, {})

    def origin(self, key: str, field: str, desired: str) -> Origin:
        """CORRECTIVE when the host once was as desired: then somebody else changed it."""
        entry = self.entry(key, field)
        if entry is not None and entry.value == desired:
            return Origin.CORRECTIVE
        return Origin.WANTED

    def ours(self, key: str, field: str) -> bool:
        entry = self.entry(key, field)
        return entry is not None and entry.ours

    def settle(self, key: str, field: str, value: str) -> None:
        """The host is as desired; who made it so stays as it was known."""
        self._entries.setdefault(key, {})[field] = Entry(value, self.ours(key, field))

    def claim(self, key: str, field: str, value: str) -> None:
        """An action of ours put `value` there."""
        self._entries.setdefault(key, {})[field] = Entry(value, ours=True)

    def forget(self, key: str, field: str) -> None:
        fields = self._entries.get(key, {})
        fields.pop(field, None)
        if not fields:
            self._entries.pop(key, None)

    def __iter__(self) -> Iterator[tuple[str, str, Entry]]:
        for key in sorted(self._entries):
            for field in sorted(self._entries[key]):
                yield key, field, self._entries[key][field]

    def keys(self, kind: str) -> list[str]:
        """The resource keys of one kind ("dataset", "mount", ...), sorted."""
        return sorted(key for key in self._entries if key.startswith(kind + " "))
